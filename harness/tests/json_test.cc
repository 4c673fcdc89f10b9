#include "core/json.h"

#include <limits>

#include "support.h"

namespace mlperf_bake::testing {
namespace {

TEST_CASE("strings are escaped, and what is not UTF-8 is replaced") {
  CHECK(JsonString("a\"b\\c\n\t\x01") == R"("a\"b\\c\n\t\u0001")");
  CHECK(JsonString("M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x98\x80") ==
        "\"M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x98\x80\"");
  CHECK(JsonString("\xff|\xc0\xaf|\xed\xa0\x80|\xe2\x82") ==
        R"("\ufffd|\ufffd\ufffd|\ufffd\ufffd\ufffd|\ufffd\ufffd")");
}

TEST_CASE("numbers read back the same, and infinity is no number") {
  CHECK(JsonNumber(0.1) == "0.1");
  CHECK(JsonNumber(318.25) == "318.25");
  CHECK(JsonNumber(std::numeric_limits<double>::infinity()) == "null");
  CHECK(JsonNumber(std::numeric_limits<double>::quiet_NaN()) == "null");
}

TEST_CASE("documents have their commas and indentation right") {
  JsonWriter json;
  json.BeginObject().Member("a", 1).Key("b").BeginArray().EndArray();
  json.Member("c", std::vector<std::string>{"x", "y"}).Member("d", std::optional<double>());
  json.Key("e")
      .BeginObject()
      .Member("seed", 16159082839903944936U)
      .Member("yes", true)
      .EndObject()
      .EndObject();
  CHECK(json.Text() ==
        "{\n  \"a\": 1,\n  \"b\": [],\n  \"c\": [\n    \"x\",\n    \"y\"\n  ],\n  \"d\": null,\n  \"e\": {\n"
        "    \"seed\": 16159082839903944936,\n    \"yes\": true\n  }\n}\n");
}

}  // namespace
}  // namespace mlperf_bake::testing
