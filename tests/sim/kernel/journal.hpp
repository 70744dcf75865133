// What the tests of the kernel share: a world with a journal of what happened when.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/kernel/world.hpp"
#include "traces/record.hpp"

namespace sim {

using namespace literals;

/// Lines "time what", as tasks write them.
struct Journal {
  std::vector<std::string> lines;
  void write(Time time, const std::string& what) {
    lines.push_back(std::to_string(time.ns) + " " + what);
  }
};

using Lines = std::vector<std::string>;

/// A world that can be had in several pieces, in the order in which they must be destroyed.
struct TestWorld {
  explicit TestWorld(WorldConfig config = {}) : world(std::move(config), recorder) {}
  traces::Recorder recorder;
  Journal journal;
  World world;
};

/// Writes its name into the journal once in a period.
inline Task<> tick(Node& node, Journal& journal, std::string name, Duration period) {
  for (;;) {
    co_await node.sleep(period);
    journal.write(node.now(), name);
  }
}

/// Counts what is alive, to see that nothing is leaked or destroyed twice.
class Counted {
 public:
  explicit Counted(int& alive) : alive_(&alive) { ++*alive_; }
  Counted(const Counted& other) : alive_(other.alive_) { ++*alive_; }
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --*alive_; }

 private:
  int* alive_;
};

}  // namespace sim
