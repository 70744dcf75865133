// A line at a time from a person at a terminal, with history and completion; or from a pipe, as is.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cli {

class LineEditor {
 public:
  /// `complete` is given what was typed so far and returns what its last word may become.
  using Complete = std::function<std::vector<std::string>(const std::string& line)>;
  explicit LineEditor(Complete complete);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;

  /// True when a person sits there.
  bool interactive() const { return interactive_; }
  /// Without its line end; nothing at the end of the input.
  std::optional<std::string> next(const std::string& prompt);

 private:
  struct Terminal;
  bool interactive_;
  std::unique_ptr<Terminal> terminal_;
};

}  // namespace cli
