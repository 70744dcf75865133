#include "scenarios/language/overrides.hpp"

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "scenarios/language/source.hpp"
#include "scenarios/language/units.hpp"

namespace scenarios {

void apply_override(const std::string& file, YAML::Node root, const Override& change) {
  const std::string place = "--set " + change.first + "=" + change.second;
  YAML::Node at = root;
  std::stringstream path(change.first);
  std::string step;
  std::vector<std::string> steps;
  while (std::getline(path, step, '.')) steps.push_back(step);
  const bool gap = std::find(steps.begin(), steps.end(), "") != steps.end();
  if (steps.empty() || gap || change.first.back() == '.') {
    throw UserError(Place{place, 0, 0}, "expected a path such as vms.web.memory=128MiB");
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const bool last = i + 1 == steps.size();
    const auto index = at.IsSequence() ? parse_count(steps[i]) : std::nullopt;
    if (at.IsSequence() && (!index || *index >= at.size())) {
      throw UserError(Place{place, 0, 0}, "no entry `" + steps[i] + "` in a list of " +
                                              std::to_string(at.size()) + " in " + file);
    }
    if (!at.IsSequence() && !at.IsMap()) {
      throw UserError(Place{place, 0, 0}, "nothing stands below `" + steps[i - 1] + "` in " + file);
    }
    if (last) {
      if (index) {
        at[*index] = YAML::Node(change.second);  // a new node: it has no place in the file
      } else {
        at[steps[i]] = YAML::Node(change.second);
      }
      return;
    }
    YAML::Node next = index ? at[*index] : at[steps[i]];
    if (!next.IsDefined()) {
      if (i != 0) {
        throw UserError(Place{place, 0, 0}, "there is no `" + steps[i] + "` in " + file);
      }
      // A section that the file leaves to its defaults. Whether it may have one of this name the
      // language says.
      next = YAML::Node(YAML::NodeType::Map);
      at[steps[i]] = next;
    }
    at.reset(next);
  }
}

}  // namespace scenarios
