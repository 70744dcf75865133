// What the components of a world look like at this moment, as a tree of values. Looking changes
// nothing that the world could notice; callers look in a fork all the same.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "scenarios/language/scenario.hpp"
#include "traces/record.hpp"
#include "traces/text.hpp"

namespace scenarios {
class Simulation;
}

namespace debugger {

using Json = nlohmann::ordered_json;
using Words = std::vector<std::string>;

/// Jobs and migrations as the events tell of them.
class Jobs final : public traces::Observer {
 public:
  static traces::EventSet events();
  void on_event(const traces::Event& event) override;
  Json table(const traces::NodeNames& names) const;

 private:
  struct Job {
    std::string verb, argument, status = "running", source_phase, target_phase;
    std::uint32_t vm = 0;
    traces::NodeId node{};
    std::uint64_t rounds = 0, pages = 0;
  };
  std::map<std::uint64_t, Job> jobs_;
};

/// What looking needs. All of it outlives the look.
struct View {
  scenarios::Simulation& simulation;
  const scenarios::Scenario& scenario;
  const Jobs& jobs;
  const traces::NodeNames& names;
};

/// Throws scenarios::UserError while the world is being built: there is no machine to look at.
void require_wired(const View& view);

/// One line per topic: words that `inspect` takes, and what it shows.
struct Topic {
  const char* usage;
  const char* what;
};
const std::vector<Topic>& topics();

/// `words`: a topic and its arguments. Throws scenarios::UserError.
Json inspect(const View& view, const Words& words);

/// Words: VM[@HOST] [VP] [COUNT]. Instructions from the VP's instruction pointer on, as lines.
std::string disassemble(const View& view, const Words& words);

/// Words: VM[@HOST] gpa|gva ADDRESS [BYTES] [VP]. A hexdump of what the guest would read.
std::string dump_memory(const View& view, const Words& words);

}  // namespace debugger
