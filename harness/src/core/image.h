// What the program says about itself and the image it lies in.
#pragma once

#include <filesystem>
#include <string>

#include "core/cell.h"

namespace mlperf_bake {

// cell.conf in the directory above the program's own.
std::filesystem::path DefaultCellFile();

// What the image is, and the two commands a newcomer needs.
std::string Introduction(const Cell& cell);

// Versions of the harness, LoadGen and the backends, a line each.
std::string VersionText();

// Whether what is written there is lost with the container: this is an image, and no volume or directory is
// mounted there.
bool GoesWithTheContainer(const std::filesystem::path& path);

}  // namespace mlperf_bake
