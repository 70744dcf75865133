// The folder of findings: 001.yaml is the smallest scenario, 001.trace its run. A number belongs to
// the first who takes it, also among explorations that share the folder; nothing is overwritten.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>

namespace scenarios {

class Shelf {
 public:
  Shelf() = default;
  /// The folder is made when the first finding needs it.
  explicit Shelf(std::string folder) : folder_(std::move(folder)) {}
  /// Gives back the numbers for which nothing was put.
  ~Shelf();
  Shelf(Shelf&&) = default;
  Shelf& operator=(Shelf&&) = default;

  /// Takes the next free number: path without an ending. Empty when nothing can be written there.
  std::string reserve();
  /// Writes `stem`.yaml. Returns one line that says what went wrong, or nothing.
  std::string put(const std::string& stem, const std::string& yaml);

 private:
  std::string folder_;
  std::uint64_t last_ = 0;
  std::set<std::string> reserved_;
};

}  // namespace scenarios
