// mlperf-harness: an MLPerf Inference run as one command.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#include "core/failure.h"
#include "core/image.h"
#include "core/options.h"
#include "core/run.h"

namespace {

using mlperf_bake::ExitCode;

// One sentence for people on any exception.
std::string Sentence(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr)
    return "Memory ran out; give fewer --workers or --samples.";
  const auto* const system = dynamic_cast<const std::system_error*>(&error);
  if (system != nullptr && system->code() == std::errc::resource_unavailable_try_again) {
    return "No further thread may be started; give fewer --workers or --threads, or allow more (docker run "
           "--pids-limit, ulimit -u).";
  }
  return error.what();
}

// An exception that left a thread, or that passed threads which still run: no destructor may run any more.
[[noreturn]] void EndBadly() {
  ExitCode exit_code = ExitCode::kBackend;
  std::string sentence =
      "The program could not go on; allow more threads (docker run --pids-limit, ulimit -u) or give fewer "
      "--workers.";
  try {
    if (const std::exception_ptr error = std::current_exception()) std::rethrow_exception(error);
  } catch (const std::exception& error) {
    sentence = Sentence(error);
    exit_code = mlperf_bake::ExitCodeOf(error);
  } catch (...) {  // thrown by a runtime's thread; it has no text
    sentence = "A thread of the backend ended in an exception of no known kind.";
  }
  std::fprintf(stderr, "mlperf-harness: %s\n", sentence.c_str());
  std::_Exit(static_cast<int>(exit_code));
}

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
  std::set_terminate(EndBadly);
  try {
    return static_cast<int>(Main(std::vector<std::string>(argv + 1, argv + argc)));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mlperf-harness: %s\n", Sentence(error).c_str());
    return static_cast<int>(mlperf_bake::ExitCodeOf(error));
  }
}
