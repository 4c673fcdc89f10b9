// mlperf-harness: an MLPerf Inference run as one command.
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "core/failure.h"
#include "core/image.h"
#include "core/options.h"
#include "core/run.h"

namespace {

using mlperf_bake::ExitCode;

ExitCode Main(const std::vector<std::string>& argv) {
  const mlperf_bake::Options options = mlperf_bake::ParseOptions(argv);
  switch (options.request) {
    case mlperf_bake::Request::kHelp:
      std::fputs(mlperf_bake::HelpText().c_str(), stdout);
      return ExitCode::kDone;
    case mlperf_bake::Request::kVersion:
      std::fputs(mlperf_bake::VersionText().c_str(), stdout);
      return ExitCode::kDone;
    case mlperf_bake::Request::kTeach:
      std::fputs(mlperf_bake::Introduction(mlperf_bake::ReadCell(mlperf_bake::DefaultCellFile())).c_str(),
                 stdout);
      return ExitCode::kDone;
    case mlperf_bake::Request::kRun:
      break;
  }
  return mlperf_bake::Run(options);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return static_cast<int>(Main(std::vector<std::string>(argv + 1, argv + argc)));
  } catch (const std::exception& error) {
    const bool no_memory = dynamic_cast<const std::bad_alloc*>(&error) != nullptr;
    std::fprintf(stderr, "mlperf-harness: %s\n",
                 no_memory ? "Memory ran out; give fewer --workers or --samples." : error.what());
    return static_cast<int>(mlperf_bake::ExitCodeOf(error));
  }
}
