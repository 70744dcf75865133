#include "scenarios/cli/baseline_file.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "scenarios/language/source.hpp"
#include "scenarios/language/units.hpp"

namespace cli {

using checkers::Figure;
using scenarios::Place;
using scenarios::UserError;

namespace {

/// JSON is YAML, and this reader knows where everything stands.
class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}

  BaselineFile read() const {
    const YAML::Node root = parse();
    const auto fields = members(root, "a baseline", {"hvsim-baseline", "tolerance", "runs"});
    const auto version = fields.find("hvsim-baseline");
    if (version == fields.end()) fail(root, "not a baseline: there is no `hvsim-baseline`");
    if (word(version->second, "the version") != "1") {
      fail(version->second, "this hvsim reads version 1 of baselines");
    }
    BaselineFile file;
    file.tolerance = percentage(need(root, fields, "tolerance"));
    const YAML::Node runs = need(root, fields, "runs");
    if (!runs.IsSequence()) fail(runs, "`runs` is a list");
    for (const auto& run : runs) take_run(run, file);
    return file;
  }

 private:
  using Members = std::map<std::string, YAML::Node>;

  [[noreturn]] void fail(const YAML::Node& node, const std::string& text) const {
    const YAML::Mark mark = node.Mark();
    // An empty file has a root that stands nowhere.
    if (mark.is_null()) throw UserError(Place{path_, 1, 1}, text);
    throw UserError(Place{path_, mark.line + 1, mark.column + 1}, text);
  }

  YAML::Node parse() const {
    std::error_code ignored;
    if (std::filesystem::is_directory(path_, ignored)) {
      throw UserError("--baseline " + path_ + ": is a directory; give the path of a file");
    }
    if (std::filesystem::exists(path_, ignored) &&
        !std::filesystem::is_regular_file(path_, ignored)) {
      throw UserError("--baseline " + path_ + ": is not a plain file; give the path of one");
    }
    std::ifstream stream(path_, std::ios::binary);
    if (!stream) {
      throw UserError("--baseline " + path_ + ": cannot be read: " + std::strerror(errno));
    }
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    const std::size_t bad = text.find_first_of(std::string("\0\x7f", 2));
    if (bad != std::string::npos) {
      const auto line = std::count(text.begin(), text.begin() + static_cast<long>(bad), '\n');
      throw UserError(Place{path_, static_cast<int>(line) + 1, 1}, "not a baseline: not text");
    }
    try {
      return YAML::Load(text);
    } catch (const YAML::Exception& error) {
      const YAML::Mark& mark = error.mark;
      throw UserError(Place{path_, mark.line + 1, mark.column + 1}, "not JSON: " + error.msg);
    }
  }

  /// The members of an object; `known` may be empty: then any name may stand there.
  Members members(const YAML::Node& node, const std::string& what,
                  const std::set<std::string>& known) const {
    if (!node.IsMap()) fail(node, what + " is an object in braces");
    Members all;
    for (const auto& member : node) {
      if (!member.first.IsScalar()) fail(member.first, "a name is a string");
      const std::string name = member.first.Scalar();
      if (!known.empty() && known.count(name) == 0) {
        fail(member.first, what + " has no `" + name + "`");
      }
      if (!all.emplace(name, member.second).second) fail(member.first, "`" + name + "` again");
    }
    return all;
  }

  YAML::Node need(const YAML::Node& node, const Members& fields, const std::string& name) const {
    const auto found = fields.find(name);
    if (found == fields.end()) fail(node, "there is no `" + name + "` here");
    return found->second;
  }

  std::string word(const YAML::Node& node, const std::string& what) const {
    if (!node.IsScalar()) fail(node, what + " is a single value");
    return node.Scalar();
  }

  Tolerance percentage(const YAML::Node& node) const {
    const std::string text = word(node, "a tolerance");
    if (!scenarios::parse_percent(text)) {
      fail(node, "`" + text + "` is not a percentage such as 5%");
    }
    return parse_tolerance("tolerance", text);
  }

  std::pair<Figure::Unit, std::int64_t> quantity(const YAML::Node& node) const {
    const std::string text = word(node, "a figure");
    if (const auto number = scenarios::parse_count(text); number && *number <= INT64_MAX) {
      return {Figure::Unit::Count, static_cast<std::int64_t>(*number)};
    }
    if (const auto duration = scenarios::parse_duration(text)) {
      return {Figure::Unit::Nanoseconds, duration->ns};
    }
    fail(node, "`" + text + "` is neither a whole number nor a duration such as 2ms");
  }

  Recorded figure(const YAML::Node& node) const {
    Recorded recorded;
    if (node.IsScalar()) {
      std::tie(recorded.unit, recorded.value) = quantity(node);
      return recorded;
    }
    const Members fields = members(node, "a figure", {"value", "tolerance"});
    std::tie(recorded.unit, recorded.value) = quantity(need(node, fields, "value"));
    const auto own = fields.find("tolerance");
    if (own == fields.end()) return recorded;
    const std::string text = word(own->second, "a tolerance");
    if (scenarios::parse_percent(text)) {
      recorded.tolerance = percentage(own->second);
      return recorded;
    }
    const auto [unit, value] = quantity(own->second);
    if (unit != recorded.unit) {
      fail(own->second, "a tolerance is a percentage, or of the figure's own unit");
    }
    recorded.tolerance = Tolerance{0, value, text};
    return recorded;
  }

  void take_run(const YAML::Node& node, BaselineFile& file) const {
    const Members fields = members(node, "a run", {"scenario", "seed", "set", "figures"});
    RunKey key;
    key.scenario = word(need(node, fields, "scenario"), "the scenario");
    const YAML::Node seed = need(node, fields, "seed");
    const auto number = scenarios::parse_count(word(seed, "the seed"));
    if (!number) fail(seed, "the seed is a whole number");
    key.seed = *number;
    const YAML::Node changes = need(node, fields, "set");
    if (!changes.IsSequence()) fail(changes, "`set` is a list");
    for (const auto& change : changes) key.set.push_back(word(change, "a change"));
    std::map<std::string, Recorded> figures;
    const YAML::Node recorded = need(node, fields, "figures");
    for (const auto& [name, value] : members(recorded, "`figures`", {})) {
      figures[name] = figure(value);
    }
    if (!file.runs.emplace(key, std::move(figures)).second) fail(node, "this run again");
  }

  std::string path_;
};

}  // namespace

BaselineFile read_baseline_file(const std::string& path) { return Reader(path).read(); }

}  // namespace cli
