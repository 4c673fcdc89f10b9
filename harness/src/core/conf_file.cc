#include "core/conf_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <sstream>

#include "core/suggest.h"

namespace mlperf_bake {
namespace {

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool IsKnown(const std::string& key, std::span<const std::string_view> known_keys) {
  return std::any_of(known_keys.begin(), known_keys.end(), [&](std::string_view known) {
    if (!known.ends_with('*')) return key == known;
    known.remove_suffix(1);
    return key.size() > known.size() && key.starts_with(known);
  });
}

template <typename Number>
bool ParseWhole(const std::string& text, Number* number) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc{} && stop == text.data() + text.size();
}

// The whole file, which may be anything: a directory, a device without an end.
std::string Content(const std::filesystem::path& path, ExitCode exit_code) {
  constexpr std::size_t kMostBytes = std::size_t{1} << 20;
  std::ifstream file(path, std::ios::binary);
  std::string content;
  std::array<char, 4096> piece;
  do {
    file.read(piece.data(), piece.size());
    content.append(piece.data(), static_cast<std::size_t>(file.gcount()));
    if (content.size() > kMostBytes)
      throw Failure(exit_code,
                    path.string() + " is too large for a configuration file; give the right path.");
  } while (file);
  if (!file.eof()) throw Failure(exit_code, path.string() + " cannot be read; give the right path.");
  return content;
}

}  // namespace

ConfFile::ConfFile(const std::filesystem::path& path, std::span<const std::string_view> known_keys,
                   ExitCode exit_code)
    : path_(path), exit_code_(exit_code) {
  std::istringstream lines(Content(path, exit_code));
  constexpr int kMostLines = 10'000;
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    const std::string at = path.string() + ":" + std::to_string(number) + ": ";
    if (number > kMostLines) throw Failure(exit_code, at + "too many lines for a configuration file.");
    const std::string_view content = Trim(line);
    if (content.empty() || content.front() == '#') continue;
    const std::size_t equals = content.find('=');
    if (equals == std::string_view::npos) {
      throw Failure(exit_code, at + "expected `key = value`, found \"" + std::string(content) + "\".");
    }
    const std::string key(Trim(content.substr(0, equals)));
    std::string_view value = content.substr(equals + 1);
    value = Trim(value.substr(0, value.find(" #")));
    if (!IsKnown(key, known_keys)) {
      throw Failure(exit_code, at + "unknown key \"" + key + "\"" + DidYouMean(key, known_keys) + ".");
    }
    if (value.empty()) throw Failure(exit_code, at + "\"" + key + "\" has no value.");
    const auto [entry, is_new] = values_.try_emplace(key, Entry{std::string(value), number});
    if (!is_new) {
      throw Failure(exit_code, at + "\"" + key + "\" is given twice, first on line " +
                                   std::to_string(entry->second.line) + "; keep one.");
    }
  }
}

const std::string& ConfFile::Text(const std::string& key) const {
  const auto found = values_.find(key);
  if (found == values_.end()) {
    throw Failure(exit_code_, path_.string() + " lacks \"" + key + "\"; add `" + key + " = ...`.");
  }
  return found->second.value;
}

std::vector<std::string> ConfFile::List(const std::string& key) const {
  std::vector<std::string> items;
  std::string_view rest = Text(key);
  while (true) {
    const std::size_t comma = rest.find(',');
    items.emplace_back(Trim(rest.substr(0, comma)));
    if (items.back().empty()) Reject(key, "items joined by commas, none of them empty");
    if (comma == std::string_view::npos) return items;
    rest.remove_prefix(comma + 1);
  }
}

std::string ConfFile::TextOr(const std::string& key, const std::string& otherwise) const {
  return Has(key) ? Text(key) : otherwise;
}

std::uint64_t ConfFile::Number(const std::string& key, std::uint64_t least, std::uint64_t most) const {
  std::uint64_t number = 0;
  if (!ParseWhole(Text(key), &number) || number < least || number > most) {
    Reject(key, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return number;
}

std::int64_t ConfFile::SignedNumber(const std::string& key, std::int64_t least, std::int64_t most) const {
  std::int64_t number = 0;
  if (!ParseWhole(Text(key), &number) || number < least || number > most) {
    Reject(key, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return number;
}

double ConfFile::Positive(const std::string& key) const {
  double number = 0;
  if (!ParseWhole(Text(key), &number) || !std::isfinite(number) || number <= 0) {
    Reject(key, "a number above zero");
  }
  return number;
}

double ConfFile::NotNegative(const std::string& key) const {
  double number = 0;
  if (!ParseWhole(Text(key), &number) || !std::isfinite(number) || number < 0) {
    Reject(key, "a number, zero or above");
  }
  return number;
}

std::string ConfFile::Sha256(const std::string& key, std::span<const std::string_view> also) const {
  const std::string& text = Text(key);
  if (std::find(also.begin(), also.end(), text) != also.end()) return text;
  if (text.size() != 64 || text.find_first_not_of("0123456789abcdef") != std::string::npos) {
    Reject(key, "64 lower-case hex digits");
  }
  return text;
}

std::map<std::string, std::string> ConfFile::Family(const std::string& prefix) const {
  std::map<std::string, std::string> family;
  for (const auto& [key, entry] : values_) {
    if (key.starts_with(prefix)) family.emplace(key.substr(prefix.size()), entry.value);
  }
  return family;
}

void ConfFile::Reject(const std::string& key, const std::string& expected) const {
  const Entry& entry = values_.at(key);
  throw Failure(exit_code_, path_.string() + ":" + std::to_string(entry.line) + ": \"" + key + "\" is \"" +
                                entry.value + "\"; expected " + expected + ".");
}

}  // namespace mlperf_bake
