// Inside of check.hpp: its two halves and what they share.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "fault-injection/catalogue.hpp"
#include "scenarios/language/check.hpp"
#include "scenarios/language/scenario.hpp"
#include "scenarios/language/words.hpp"

namespace scenarios::check {

[[noreturn]] void fail(const std::string& path, const std::string& text);

template <class Spec>
std::vector<std::string> names_of(const std::vector<Spec>& specs) {
  std::vector<std::string> names;
  for (const Spec& spec : specs) names.push_back(spec.name);
  return names;
}

/// A name that must be one of `specs`.
template <class Spec>
void reference(const std::string& path, const std::string& name, const char* kind,
               const std::vector<Spec>& specs) {
  const auto is_it = [&name](const Spec& spec) { return spec.name == name; };
  if (std::any_of(specs.begin(), specs.end(), is_it)) return;
  fail(path, "there is no " + std::string(kind) + " `" + shorten(name) + "`" +
                 suggestion(name, names_of(specs)));
}

void require_role_free(const std::string& path, const std::string& name);

/// Timeline, faults, budget, invited trouble and expectations.
void plan(const Scenario& scenario);

}  // namespace scenarios::check
