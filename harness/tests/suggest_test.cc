#include "core/suggest.h"

#include <array>

#include "support.h"

namespace mlperf_bake::testing {
namespace {

TEST_CASE("edits are counted, case is not, and two swapped letters are one slip") {
  CHECK(EditDistance("", "") == 0);
  CHECK(EditDistance("", "abc") == 3);
  CHECK(EditDistance("kitten", "sitting") == 3);
  CHECK(EditDistance("Offline", "offline") == 0);
  CHECK(EditDistance("scenraio", "scenario") == 1);
}

TEST_CASE("only what is near is suggested") {
  constexpr std::array<std::string_view, 3> kKnown = {"Offline", "Server", "SingleStream"};
  CHECK(DidYouMean("Ofline", kKnown) == " (did you mean \"Offline\"?)");
  CHECK(DidYouMean("zzzzzz", kKnown).empty());
  CHECK(DidYouMean(std::string(1000, 'S'), kKnown).empty());
}

}  // namespace
}  // namespace mlperf_bake::testing
