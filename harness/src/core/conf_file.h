// The `key = value` files of the contract (cell.conf, dataset.conf), read strictly: every mistake is a
// Failure that names file and line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/failure.h"

namespace mlperf_bake {

class ConfFile {
 public:
  // Reads `path`; unknown, repeated or malformed lines are Failures with `exit_code`. A known key that ends
  // in
  // '*' stands for all keys that begin so. Keys and values keep no blanks around them. A line whose first
  // non-blank character is '#' is a comment; ` #` ends a value.
  ConfFile(const std::filesystem::path& path, std::span<const std::string_view> known_keys,
           ExitCode exit_code);

  bool Has(const std::string& key) const { return values_.contains(key); }
  const std::string& Text(const std::string& key) const;
  // The items of a list joined by commas, at least one; a Failure where one is empty.
  std::vector<std::string> List(const std::string& key) const;
  std::string TextOr(const std::string& key, const std::string& otherwise) const;
  // Whole numbers in [least, most]; seeds need all 64 bits.
  std::uint64_t Number(const std::string& key, std::uint64_t least, std::uint64_t most) const;
  std::int64_t SignedNumber(const std::string& key, std::int64_t least, std::int64_t most) const;
  double Positive(const std::string& key) const;
  double NotNegative(const std::string& key) const;
  // 64 lower-case hex digits, or one of `also` (for example "unlocked").
  std::string Sha256(const std::string& key, std::span<const std::string_view> also = {}) const;

  // The values of the keys that begin with `prefix`, under what follows it.
  std::map<std::string, std::string> Family(const std::string& prefix) const;

  // A Failure about this file, for checks that the caller makes on a value.
  [[noreturn]] void Reject(const std::string& key, const std::string& expected) const;

  const std::filesystem::path& path() const { return path_; }

 private:
  struct Entry {
    std::string value;
    int line;
  };

  std::filesystem::path path_;
  ExitCode exit_code_;
  std::map<std::string, Entry> values_;
};

}  // namespace mlperf_bake
