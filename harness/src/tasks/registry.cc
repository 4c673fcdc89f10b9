#include <array>

#include "core/failure.h"
#include "core/suggest.h"
#include "tasks/task.h"

namespace mlperf_bake {

std::unique_ptr<Task> OpenImageClassification(const Cell& cell, const DataSet& data, bool score);

namespace {

struct TaskEntry {
  std::string_view name;
  std::unique_ptr<Task> (*open)(const Cell& cell, const DataSet& data, bool score);
};

constexpr std::array<TaskEntry, 1> kTasks = {{
    {"image-classification", OpenImageClassification},
}};

}  // namespace

std::unique_ptr<Task> OpenTask(const Cell& cell, const DataSet& data, bool score) {
  std::vector<std::string_view> names;
  for (const TaskEntry& entry : kTasks) {
    if (entry.name == cell.task) return entry.open(cell, data, score);
    names.push_back(entry.name);
  }
  throw Failure(ExitCode::kCell, cell.conf.string() + ": unknown task \"" + cell.task + "\"" +
                                     DidYouMean(cell.task, names) + ".");
}

}  // namespace mlperf_bake
