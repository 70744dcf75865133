// Each planted bug changes what it says, tells the stream once, and nothing else differs.
#include "sim/memory/plants.hpp"

#include <gtest/gtest.h>

#include "tests/sim/memory/memory_world.hpp"

namespace sim {
namespace {

using test::MemoryWorld;
using test::pages;
using traces::Writer;

TEST(MemoryPlants, LogSkipsHostWritesLosesThemAndNotTheGuests) {
  MemoryWorld host({std::string(memory::kPlantLogSkipsHostWrites)});
  const auto memory = host.memory(Backing::Bytes, 10);
  memory->write_u32({1}, 0, 1, Writer::Host);
  EXPECT_TRUE(host.events.plants.empty()) << "no effect yet";
  memory->start_log();
  memory->witness_interval(0);
  memory->write_u32({1}, 0, 2, Writer::Host);
  memory->write_u32({2}, 0, 2, Writer::Guest);
  test::cpu_store(*memory, 3, 0, std::byte{1});
  memory->witness_interval(0);
  EXPECT_EQ(memory->fetch_and_clear(), pages({2, 3}));
  EXPECT_EQ(host.events.written.at(0).set, pages({1, 2, 3})) << "the witness sees it";
  EXPECT_EQ(host.events.plants, std::vector<std::string>{"memory.log-skips-host-writes"});
}

TEST(MemoryPlants, LogLosesTheHighestPageOfEveryFetch) {
  MemoryWorld host({std::string(memory::kPlantLogLosesAPage)});
  const auto memory = host.memory(Backing::Versions, 10);
  memory->start_log();
  EXPECT_TRUE(memory->fetch_and_clear().empty());
  EXPECT_TRUE(host.events.plants.empty());
  for (const std::uint64_t f : {1, 2, 3, 8}) memory->touch({f});
  EXPECT_EQ(memory->fetch_and_clear(), pages({1, 2, 3}));
  EXPECT_TRUE(memory->fetch_and_clear().empty()) << "it is lost for good";
  EXPECT_EQ(host.events.plants.size(), 1u);
}

}  // namespace
}  // namespace sim
