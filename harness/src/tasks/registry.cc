#include <algorithm>
#include <array>

#include "core/failure.h"
#include "core/suggest.h"
#include "tasks/task.h"

namespace mlperf_bake {

extern const TaskEntry kTask_image_classification;
extern const TaskEntry kTask_object_detection;
extern const TaskEntry kTask_question_answering;

namespace {

constexpr std::array kTasks = {
    &kTask_image_classification,
    &kTask_object_detection,
    &kTask_question_answering,
};

const TaskEntry& FindTask(const Cell& cell) {
  std::vector<std::string_view> names;
  for (const TaskEntry* const entry : kTasks) {
    if (entry->name == cell.task) return *entry;
    names.push_back(entry->name);
  }
  throw Failure(ExitCode::kCell, cell.conf.string() + ": unknown task \"" + cell.task + "\"" +
                                     DidYouMean(cell.task, names) + ".");
}

}  // namespace

void RefuseOutputs(const Cell& cell, const std::string& needed) {
  throw Failure(ExitCode::kCell, cell.conf.string() + ": task " + cell.task + " needs " + needed +
                                     "; correct output_kind, output_shape and output_dtype, or the task.");
}

std::unique_ptr<Task> OpenTask(const Cell& cell, const DataSet& data, bool score) {
  const TaskEntry& entry = FindTask(cell);
  for (const auto& option : cell.task_options) {
    if (std::find(entry.options.begin(), entry.options.end(), option.first) != entry.options.end()) continue;
    throw Failure(ExitCode::kCell, cell.conf.string() + ": task " + cell.task + " has no option \"task." +
                                       option.first + "\"" + DidYouMean(option.first, entry.options) + ".");
  }
  return entry.open(cell, data, score);
}

}  // namespace mlperf_bake
