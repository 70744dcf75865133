// Every fault does what its name says, and what can be taken back is taken back.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "fault-injection/catalogue.hpp"

namespace {

class TwoHosts final : public faults::Field {
 public:
  TwoHosts() : world_(sim::WorldConfig{}, recorder_), network_(world_) {
    alpha_ = &world_.add_node("alpha", "host");
    beta_ = &world_.add_node("beta", "host");
    hub_ = &world_.add_node("hub", "switch");
    network_.add_link(sim::LinkConfig{"net/alpha"}, *alpha_, *hub_);
    network_.add_link(sim::LinkConfig{"net/beta"}, *beta_, *hub_);
    sim::Node& array = world_.add_node("array", "storage");
    sim::DiskConfig config;
    config.name = "disk";
    config.number = 1;
    config.sectors = 64;
    disk_ = std::make_unique<sim::SharedDisk>(array, config);
  }

  sim::World& world() override { return world_; }
  sim::Network& network() override { return network_; }
  std::vector<std::string> links_of(std::string_view) override { return {"net/alpha", "net/beta"}; }
  std::string link_of(std::string_view network, std::string_view host) override {
    return std::string(network) + "/" + std::string(host);
  }
  sim::Node* host(std::string_view name) override { return world_.find_node(name); }
  sim::SharedDisk* storage(std::string_view) override { return disk_.get(); }
  std::uint32_t vm(std::string_view) override { return 0; }
  management::Installation& installation() override {
    throw std::logic_error("there is no installation on this field");
  }

  void settle() { world_.run_until(world_.now() + sim::Duration{1'000}); }
  bool up(const char* host) { return network_.up(std::string("net/") + host, node(host)); }
  sim::NodeId node(const char* name) { return world_.find_node(name)->id(); }

 private:
  traces::Recorder recorder_;
  sim::World world_;
  sim::Network network_;
  std::unique_ptr<sim::SharedDisk> disk_;
  sim::Node* alpha_ = nullptr;
  sim::Node* beta_ = nullptr;
  sim::Node* hub_ = nullptr;
};

void strike(TwoHosts& field, const char* name, const faults::Strike& where) {
  faults::apply(*faults::find(name), field, where);
  field.settle();
}

void take_back(TwoHosts& field, const char* name, const faults::Strike& where) {
  faults::undo(*faults::find(name), field, where);
  field.settle();
}

TEST(Faults, CutLinkSilencesTheWholeNetworkUntilItHeals) {
  TwoHosts field;
  const faults::Strike where{"net", ""};
  strike(field, "cut-link", where);
  EXPECT_FALSE(field.up("alpha"));
  EXPECT_FALSE(field.up("beta"));
  EXPECT_EQ(field.network().path_rate(field.node("alpha"), field.node("beta")), 0U);
  take_back(field, "cut-link", where);
  EXPECT_TRUE(field.up("alpha"));
  EXPECT_GT(field.network().path_rate(field.node("alpha"), field.node("beta")), 0U);
}

TEST(Faults, CutLinkFromOneHostStopsThatDirectionOnly) {
  TwoHosts field;
  strike(field, "cut-link", faults::Strike{"net", "alpha"});
  EXPECT_FALSE(field.up("alpha"));
  EXPECT_TRUE(field.network().up("net/alpha", field.node("hub")));
  EXPECT_TRUE(field.up("beta"));
  EXPECT_EQ(field.network().path_rate(field.node("alpha"), field.node("beta")), 0U);
  EXPECT_GT(field.network().path_rate(field.node("beta"), field.node("alpha")), 0U);
}

TEST(Faults, KillHostTakesItsPowerAndRestartsIt) {
  TwoHosts field;
  const faults::Strike where{"alpha", ""};
  strike(field, "kill-host", where);
  EXPECT_FALSE(field.host("alpha")->alive());
  EXPECT_TRUE(field.host("beta")->alive());
  take_back(field, "kill-host", where);
  EXPECT_TRUE(field.host("alpha")->alive());
  EXPECT_EQ(field.host("alpha")->generation(), 2U);
}

TEST(Faults, PauseHostHoldsItAndLetsItGoOn) {
  TwoHosts field;
  const faults::Strike where{"alpha", ""};
  strike(field, "pause-host", where);
  EXPECT_TRUE(field.host("alpha")->paused());
  take_back(field, "pause-host", where);
  EXPECT_FALSE(field.host("alpha")->paused());
  EXPECT_EQ(field.host("alpha")->generation(), 1U);
}

TEST(Faults, KillStorageTakesTheDisksPowerAndGivesItBack) {
  TwoHosts field;
  const faults::Strike where{"disk", ""};
  strike(field, "kill-storage", where);
  EXPECT_FALSE(field.storage("disk")->node().alive());
  take_back(field, "kill-storage", where);
  EXPECT_TRUE(field.storage("disk")->node().alive());
}

TEST(Faults, NamesAreUniqueAndReversibleOnesHaveAnUndo) {
  std::set<std::string> names;
  for (const faults::Fault& fault : faults::catalogue()) {
    EXPECT_TRUE(names.insert(fault.name).second) << fault.name;
    EXPECT_EQ(fault.reversible, fault.undo != nullptr) << fault.name;
    EXPECT_EQ(faults::find(fault.name), &fault);
  }
  EXPECT_EQ(faults::find("no-such-fault"), nullptr);
}

}  // namespace
