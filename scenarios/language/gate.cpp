#include "scenarios/language/gate.hpp"

#include <yaml-cpp/eventhandler.h>

#include <cstddef>
#include <cstdint>
#include <sstream>
#include <utility>

#include "scenarios/language/source.hpp"

namespace scenarios {

namespace {

constexpr int kMaxDepth = 16;
constexpr int kMaxNodes = 100'000;  // keys and values; a VM has about 25

/// Length of the UTF-8 character at `at`, 0 when there is none (RFC 3629: shortest form only, no
/// surrogates, nothing past U+10FFFF).
std::size_t utf8_length(const std::string& text, std::size_t at) {
  const auto byte = [&text](std::size_t i) {
    return i < text.size() ? static_cast<std::uint8_t>(text[i]) : std::uint8_t{0};
  };
  const std::uint8_t first = byte(at);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return 0;
  }
  const std::uint8_t second = byte(at + 1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool beyond = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
  return overlong || beyond ? 0 : length;
}

/// yaml-cpp guesses at bytes that are not UTF-8 and swallows NULs; a trace keeps the text.
void require_text(const std::string& file, const std::string& text) {
  Place place{file, 1, 1};
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<std::uint8_t>(text[at]);
    const std::size_t length = utf8_length(text, at);
    if (length == 0) throw UserError(place, "not text: a scenario is UTF-8");
    const bool blank = byte == '\t' || byte == '\n' || byte == '\r';
    if ((byte < 0x20 && !blank) || byte == 0x7f) {
      throw UserError(place,
                      "a control character (number " + std::to_string(byte) + "); remove it");
    }
    at += length;
    ++place.column;
    if (byte == '\n') place = Place{file, place.line + 1, 1};
  }
}

/// Looks at the file's structure before any node is built: what yaml-cpp would accept silently or
/// choke on (aliases, which can be cyclic; depth; a second document) is refused here.
class Gate final : public YAML::EventHandler {
 public:
  explicit Gate(std::string file) : file_(std::move(file)) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) fail(mark, "more than one YAML document; a file is one scenario");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { node(mark, anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    fail(mark, "aliases (*name) are not part of the language; write the value out");
  }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                const std::string&) override {
    node(mark, anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    deeper(mark, anchor);
  }
  void OnSequenceEnd() override { --depth_; }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    deeper(mark, anchor);
  }
  void OnMapEnd() override { --depth_; }

 private:
  [[noreturn]] void fail(const YAML::Mark& mark, const std::string& text) const {
    throw UserError(Place{file_, mark.line + 1, mark.column + 1}, text);
  }
  void node(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) fail(mark, "anchors (&name) are not part of the language");
    if (++nodes_ > kMaxNodes) {
      fail(mark,
           "too much: a scenario has at most " + std::to_string(kMaxNodes) + " keys and values");
    }
  }
  void deeper(const YAML::Mark& mark, YAML::anchor_t anchor) {
    node(mark, anchor);
    if (++depth_ > kMaxDepth) fail(mark, "nested too deeply; a scenario needs 5 levels");
  }
  std::string file_;
  int documents_ = 0;
  int depth_ = 0;
  int nodes_ = 0;
};

}  // namespace

YAML::Node parse_yaml(const std::string& file, const std::string& text) {
  require_text(file, text);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    Gate gate(file);
    if (!parser.HandleNextDocument(gate)) {
      throw UserError(Place{file, 1, 1}, "the file is empty; a scenario is a YAML mapping");
    }
    parser.HandleNextDocument(gate);  // the gate refuses a second one
    return YAML::Load(text);
  } catch (const YAML::Exception& error) {
    throw UserError(Place{file, error.mark.line + 1, error.mark.column + 1},
                    "not YAML: " + error.msg);
  }
}

}  // namespace scenarios
