// "did you mean": the known word nearest to what was typed.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace mlperf_bake {

// Edits (insert, delete, replace, swap of neighbours; case does not count) that turn `a` into `b`.
std::size_t EditDistance(std::string_view a, std::string_view b);

// " (did you mean \"X\"?)" for the nearest of `known` when it is near enough to be a slip, otherwise "".
std::string DidYouMean(std::string_view word, std::span<const std::string_view> known);

}  // namespace mlperf_bake
