#include "scenarios/cli/line_editor.hpp"

#include <histedit.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

namespace cli {

namespace {

constexpr int kHistoryLines = 1000;

/// What all of them begin with.
std::string common_start(const std::vector<std::string>& words) {
  std::string start = words.front();
  for (const std::string& word : words) {
    const auto differ = std::mismatch(start.begin(), start.end(), word.begin(), word.end());
    start.erase(differ.first, start.end());
  }
  return start;
}

}  // namespace

struct LineEditor::Terminal {
  explicit Terminal(Complete words) : complete(std::move(words)) {
    editor = el_init("hvsim", stdin, stdout, stderr);
    past = history_init();
    HistEvent ignored;
    history(past, &ignored, H_SETSIZE, kHistoryLines);
    history(past, &ignored, H_SETUNIQUE, 1);
    el_set(editor, EL_CLIENTDATA, this);
    el_set(editor, EL_PROMPT, &Terminal::tell_prompt);
    el_set(editor, EL_EDITOR, "emacs");
    el_set(editor, EL_HIST, history, past);
    el_set(editor, EL_SIGNAL, 1);
    el_set(editor, EL_ADDFN, "complete", "completes the word", &Terminal::tab);
    el_set(editor, EL_BIND, "^I", "complete", nullptr);
    el_set(editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  }
  ~Terminal() {
    history_end(past);
    el_end(editor);
  }
  Terminal(const Terminal&) = delete;

  static Terminal& of(EditLine* editor) {
    void* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    return *static_cast<Terminal*>(self);
  }
  static char* tell_prompt(EditLine* editor) { return of(editor).prompt.data(); }

  /// Completes as far as all candidates agree; shows them when that is no further.
  static unsigned char tab(EditLine* editor, int) {
    const LineInfo* info = el_line(editor);
    const std::string line(info->buffer, info->cursor);
    const std::vector<std::string> words = of(editor).complete(line);
    if (words.empty()) return CC_ERROR;
    const std::size_t gap = line.find_last_of(' ');
    const std::string typed = gap == std::string::npos ? line : line.substr(gap + 1);
    std::string more = common_start(words);
    if (words.size() == 1 && more.back() != '=') more += ' ';
    if (more.size() > typed.size()) {
      el_insertstr(editor, more.substr(typed.size()).c_str());
      return CC_REFRESH;
    }
    std::cout << "\n";
    for (const std::string& word : words) std::cout << word << "  ";
    std::cout << "\n" << std::flush;
    return CC_REDISPLAY;
  }

  Complete complete;
  std::string prompt;
  EditLine* editor = nullptr;
  History* past = nullptr;
};

LineEditor::LineEditor(Complete complete)
    : interactive_(isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1) {
  if (interactive_) terminal_ = std::make_unique<Terminal>(std::move(complete));
}

LineEditor::~LineEditor() = default;

std::optional<std::string> LineEditor::next(const std::string& prompt) {
  std::string line;
  if (!interactive_) {
    if (!std::getline(std::cin, line)) return std::nullopt;
    return line;
  }
  terminal_->prompt = prompt;
  int count = 0;
  const char* text = el_gets(terminal_->editor, &count);
  if (text == nullptr || count <= 0) return std::nullopt;
  line.assign(text, static_cast<std::size_t>(count));
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
  if (!line.empty()) {
    HistEvent ignored;
    history(terminal_->past, &ignored, H_ENTER, line.c_str());
  }
  return line;
}

}  // namespace cli
