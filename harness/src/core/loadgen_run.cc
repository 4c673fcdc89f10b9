#include "core/loadgen_run.h"

#include <sys/statvfs.h>

#include <new>

#include "loadgen.h"

namespace mlperf_bake {
namespace {

using std::chrono::milliseconds;

// LoadGen reads ./audit.config unless told another name. A normal run must not pick up a stray one; a
// compliance run names its own. A name below a file can never exist.
constexpr const char* kNoAuditConfig = "/dev/null/audit.config";

mlperf::LogSettings LogSettingsFor(const std::filesystem::path& outdir) {
  mlperf::LogSettings log;
  log.log_output.outdir = outdir.string();
  log.log_output.copy_detail_to_stdout = false;
  log.log_output.copy_summary_to_stdout = false;
  log.enable_trace = false;  // on by default, and 260 MB for a few seconds
  return log;
}

}  // namespace

LoadGenRun::LoadGenRun(Dispatcher& dispatcher, SampleLibrary& library, const mlperf::TestSettings& settings,
                       const std::filesystem::path& outdir, const std::filesystem::path& audit,
                       const Lanes& lanes, RunControl& control)
    : dispatcher_(dispatcher), lanes_(lanes), control_(control), outdir_(outdir) {
  thread_ =
      std::thread([this, &library, settings, audit_config = audit.empty() ? kNoAuditConfig : audit.string()] {
        try {
          mlperf::StartTest(&dispatcher_, &library, settings, LogSettingsFor(outdir_), audit_config);
        } catch (const Failure&) {
          control_.Fail(std::current_exception());
        } catch (const std::bad_alloc&) {
          control_.Fail(std::make_exception_ptr(
              Failure(ExitCode::kLoadGen,
                      "LoadGen ran out of memory for its queries; give a shorter --duration or a lower "
                      "--target-qps.")));
        }
        control_.Finish();
      });
}

LoadGenRun::~LoadGenRun() {
  if (thread_.joinable()) thread_.join();
}

bool LoadGenRun::Supervise(const std::function<void(std::uint64_t, double)>& report) {
  while (true) {
    const RunControl::Event event = control_.Wait(milliseconds(250));
    report(Answered(lanes_),
           std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count());
    if (event == RunControl::Event::kNothing) continue;
    if (event == RunControl::Event::kFinished || !Stop()) {
      thread_.join();
      return true;
    }
    return false;
  }
}

bool LoadGenRun::Stop() {
  while (true) {
    if (control_.finished()) return false;
    const bool unanswered = !AnyBusy(lanes_) && Answered(lanes_) < dispatcher_.issued_samples();
    if (control_.TryClose(unanswered)) break;
    std::this_thread::sleep_for(milliseconds(1));
  }
  while (AnyBusy(lanes_)) std::this_thread::sleep_for(milliseconds(1));
  mlperf::AbortTest();
  return true;
}

Failure LoadGenRun::NoResult(const LoadGenLog& log) const {
  struct statvfs room{};
  if (statvfs(outdir_.c_str(), &room) == 0 && room.f_bavail == 0) {
    return Failure(ExitCode::kResults,
                   outdir_.string() + " ran full while LoadGen wrote its logs; make room and run again.");
  }
  if (!log.errors().empty())
    return Failure(ExitCode::kLoadGen, "LoadGen refused the run: " + log.errors().front());
  return Failure(ExitCode::kLoadGen,
                 "LoadGen ended without a result; its logs in " + outdir_.string() + " were cut off.");
}

}  // namespace mlperf_bake
