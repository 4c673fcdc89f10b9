// `--name value` pairs, the same words as the harness's own options.
#pragma once

#include <cstdlib>
#include <map>
#include <string>

#include "core/failure.h"

namespace mlperf_bake {

class Arguments {
 public:
  // Failure kUsage for anything that is not a pair or not among `defaults`, which also names what may be left
  // out.
  Arguments(int argc, char** argv, std::map<std::string, std::string> defaults)
      : values_(std::move(defaults)) {
    for (int i = 1; i < argc; i += 2) {
      const auto known = values_.find(argv[i]);
      if (known == values_.end() || i + 1 == argc) {
        throw Failure(ExitCode::kUsage, std::string("Unknown or incomplete option ") + argv[i] + ".");
      }
      known->second = argv[i + 1];
    }
  }

  const std::string& Text(const std::string& name) const { return values_.at(name); }
  double Number(const std::string& name) const { return std::strtod(values_.at(name).c_str(), nullptr); }
  int Whole(const std::string& name) const { return static_cast<int>(Number(name)); }

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace mlperf_bake
