#include "mutation.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace mlperf_bake::testing {
namespace {

using namespace std::string_view_literals;

constexpr std::array kStumblingBlocks = {
    ""sv,
    "0"sv,
    "-1"sv,
    "1"sv,
    "18446744073709551615"sv,
    "18446744073709551616"sv,
    "1e999"sv,
    "nan"sv,
    "inf"sv,
    "0x10"sv,
    "1x"sv,
    "x1"sv,
    "1x1x1x1x1x1x1x1x1"sv,
    "\0"sv,
    "\n"sv,
    "\r\n"sv,
    "="sv,
    " = "sv,
    " #"sv,
    "\xff\xfe"sv,
    "\x1b[2J"sv,
    "\""sv,
    "}"sv,
    "float64"sv,
    "../"sv,
    "1099511627776"sv,
    "1099511627776x1099511627776"sv,
};

// Where the run of letters, digits, dots and signs around `at` begins and ends.
std::pair<std::size_t, std::size_t> WordAt(const std::string& text, std::size_t at) {
  constexpr std::string_view kInWords = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  const auto in_word = [&](std::size_t i) { return kInWords.find(text[i]) != std::string_view::npos; };
  std::size_t first = at, last = at;
  while (first > 0 && in_word(first - 1)) --first;
  while (last < text.size() && in_word(last)) ++last;
  return {first, last};
}

}  // namespace

std::string Mutation::Of(std::string text) {
  for (std::size_t left = 1 + Below(4); left > 0; --left) Break(text);
  return text;
}

void Mutation::Break(std::string& text) {
  const std::size_t at = Below(text.size());
  const std::size_t some = 1 + Below(std::min<std::size_t>(16, text.size()));
  switch (Below(8)) {
    case 0:
      if (!text.empty()) text[at] = static_cast<char>(random_());
      return;
    case 1:
      if (!text.empty()) text[at] = static_cast<char>(text[at] ^ (1 << Below(8)));
      return;
    case 2:
      text.insert(at, std::string(kStumblingBlocks[Below(kStumblingBlocks.size())]));
      return;
    case 3:
      text.erase(at, some);
      return;
    case 4:
      text.insert(at, text.substr(at, some * Below(64)));
      return;
    case 5:
      text.resize(at);
      return;
    case 6: {
      const auto [first, last] = WordAt(text, at);
      text.replace(first, last - first, kStumblingBlocks[Below(kStumblingBlocks.size())]);
      return;
    }
    default: {                                             // a line goes elsewhere, or twice
      const std::size_t first = text.rfind('\n', at) + 1;  // npos + 1 is 0
      const std::size_t end = std::min(text.find('\n', first), text.size());
      const std::string line = text.substr(first, end - first) + "\n";
      if (Below(2) == 0) text.erase(first, line.size());
      text.insert(Below(text.size()), line);
    }
  }
}

}  // namespace mlperf_bake::testing
