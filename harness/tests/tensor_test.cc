#include "core/tensor.h"

#include "support.h"

namespace mlperf_bake::testing {
namespace {

TEST_CASE("shapes read as they are written") {
  CHECK(ParseShape("3x224x224") == Shape{3, 224, 224});
  CHECK(ToString(Shape{3, 224, 224}) == "3x224x224");
  CHECK(ElementCount(Shape{3, 224, 224}) == 150528);
  CHECK(ParseShape("7") == Shape{7});
}

TEST_CASE("what is no shape is none") {
  for (const char* text :
       {"", "x", "3x", "x3", "3x0", "3x-1", "3 x 4", "3,4", "1e3", "99999999999x99999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(ParseShape(text));
  }
}

TEST_CASE("an extent may be the network's own where that is allowed") {
  CHECK(ParseOpenShape("nx4") == Shape{kAnyExtent, 4});
  CHECK(ParseOpenShape("1xn") == Shape{1, kAnyExtent});
  CHECK(ToString(Shape{kAnyExtent, 4}) == "nx4");
  CHECK(IsOpen(Shape{4, kAnyExtent}));
  CHECK_FALSE(IsOpen(Shape{4}));
  CHECK_FALSE(ParseShape("nx4"));
  for (const char* text : {"nn", "n4", "xn", "nx", "N", "-1"}) {
    CAPTURE(text);
    CHECK_FALSE(ParseOpenShape(text));
  }
}

TEST_CASE("every element type has its name and size") {
  for (const char* name : {"float32", "float16", "uint8", "int8", "int32", "int64"}) {
    const auto dtype = ParseDType(name);
    REQUIRE(dtype);
    CHECK(NameOf(*dtype) == name);
  }
  CHECK(BytesOf(DType::kFloat32) == 4);
  CHECK(BytesOf(DType::kInt64) == 8);
  CHECK_FALSE(ParseDType("float"));
}

}  // namespace
}  // namespace mlperf_bake::testing
