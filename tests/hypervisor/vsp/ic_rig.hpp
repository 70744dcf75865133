// A machine with time synchronization, shutdown, KVP and VSS, and a guest that answers as Linux's
// drivers and daemons do.
#pragma once

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hypervisor/vsp/guest/ic_client.hpp"
#include "hypervisor/vsp/key_value.hpp"
#include "hypervisor/vsp/shutdown.hpp"
#include "hypervisor/vsp/time_sync.hpp"
#include "hypervisor/vsp/vss.hpp"
#include "tests/hypervisor/vmbus/machine.hpp"

namespace test {

namespace icmsg = vsp::icmsg;

constexpr sim::Duration seconds(std::int64_t n) { return {n * 1'000'000'000}; }

class IcGuest final : public Guest, public vsp::guest::IcClientOwner {
 public:
  using Versions = std::vector<icmsg::Version>;
  /// What the guest speaks, as Linux 6.1 does.
  struct Service {
    vmbus::Guid interface_id;
    Versions messages;
    std::unique_ptr<vsp::guest::IcClient> client;
    std::uint32_t relid = 0;
  };
  enum Which : std::size_t { kTime, kShutdown, kKeyValue, kVss, kServices };

  void make_clients() {
    for (Service& service : services) {
      service.client = std::make_unique<vsp::guest::IcClient>(*bus, *this, Versions{{3, 0}, {1, 0}},
                                                              service.messages);
    }
  }
  void offers_complete() override {
    sim::Gpfn rings{100};
    for (Service& service : services) {
      const auto* offer = bus->find(service.interface_id);
      if (offer == nullptr || !offer->pipe_mode) continue;
      service.relid = offer->relid;
      bus->open(offer->relid, rings, 5, 5);
      rings = rings + 10;
    }
  }
  void opened(std::uint32_t relid, bool success) override {
    Guest::opened(relid, success);
    if (success) at(relid).client->opened(relid);
  }
  void readable(std::uint32_t relid) override {
    if (reads) at(relid).client->readable();
  }
  Service& at(std::uint32_t relid) {
    for (Service& service : services) {
      if (service.relid == relid) return service;
    }
    ADD_FAILURE() << "no service of relid " << relid;
    return services[0];
  }
  std::vector<std::byte> save() const override { return Guest::save(); }
  bool restore(std::span<const std::byte> state) override {
    if (!Guest::restore(state)) return false;
    for (Service& service : services) {
      const auto* offer = bus->find(service.interface_id);
      if (offer == nullptr) continue;
      service.relid = offer->relid;
      service.client->opened(offer->relid);
    }
    return true;
  }

  // -- what the guest does with questions --
  bool asked(std::uint32_t relid, vsp::guest::IcQuestion& question,
             std::uint32_t& status) override {
    questions.push_back(question);
    if (holds_back) {
      held.emplace_back(relid, question);
      return false;
    }
    if (question.header.type == icmsg::Type::KeyValue) return key_value(question, status);
    status = answer_with;
    return true;
  }
  void answer_held(std::uint32_t status = 0) {
    const auto now = std::exchange(held, {});
    for (const auto& [relid, question] : now) at(relid).client->answer(question, status);
  }
  template <class T>
  static T load(const std::vector<std::byte>& bytes, std::size_t at = 0) {
    T value;
    EXPECT_GE(bytes.size(), at + sizeof(T));
    std::memcpy(&value, bytes.data() + at, sizeof(T));
    return value;
  }
  /// The last question of a kind, as T.
  template <class T>
  T last(icmsg::Type type) const {
    for (auto it = questions.rbegin(); it != questions.rend(); ++it) {
      if (it->header.type == type) return load<T>(it->body);
    }
    ADD_FAILURE() << "never asked";
    return T{};
  }

  std::array<Service, kServices> services{{
      {vmbus::kTimeSyncInterface, {{4, 0}, {3, 0}, {1, 0}}, nullptr},
      {vmbus::kShutdownInterface, {{3, 2}, {3, 1}, {3, 0}, {1, 0}}, nullptr},
      {vmbus::kKeyValueInterface, {{4, 0}, {3, 0}, {1, 0}}, nullptr},
      {vmbus::kVssInterface, {{5, 0}}, nullptr},
  }};
  std::vector<vsp::guest::IcQuestion> questions;
  std::vector<std::pair<std::uint32_t, vsp::guest::IcQuestion>> held;
  bool holds_back = false;        ///< keeps questions until answer_held()
  std::uint32_t answer_with = 0;  ///< to everything but KVP
  using Bytes = std::vector<std::byte>;
  /// Pools as the daemon keeps them: in the order of insertion.
  std::map<int, std::vector<std::pair<Bytes, icmsg::KvpValue>>> pools;

 private:
  static Bytes key_of(const icmsg::KvpValue& value) {
    return {value.key.begin(), value.key.begin() + value.key_bytes};
  }
  bool key_value(vsp::guest::IcQuestion& question, std::uint32_t& status) {
    const auto header = load<icmsg::KvpHeader>(question.body);
    auto& pool = pools[header.pool];
    const auto find = [&](const Bytes& key) {
      return std::find_if(pool.begin(), pool.end(), [&](const auto& e) { return e.first == key; });
    };
    switch (header.operation) {
      case icmsg::KvpOperation::Set: {
        const auto value = load<icmsg::KvpValue>(question.body, 4);
        const auto found = find(key_of(value));
        if (found == pool.end()) {
          pool.emplace_back(key_of(value), value);
        } else {
          found->second = value;
        }
        break;
      }
      case icmsg::KvpOperation::Get: {
        const auto found = find(key_of(load<icmsg::KvpValue>(question.body, 4)));
        status = found == pool.end() ? icmsg::kNoMoreItems : 0;
        if (status == 0)
          std::memcpy(question.body.data() + 4, &found->second, sizeof(found->second));
        break;
      }
      case icmsg::KvpOperation::Delete: {
        const auto key = load<icmsg::KvpKey>(question.body, 4);
        const auto found = find({key.key.begin(), key.key.begin() + key.key_bytes});
        status = found == pool.end() ? icmsg::kNoMoreItems : 0;
        if (status == 0) pool.erase(found);
        break;
      }
      case icmsg::KvpOperation::Enumerate: {
        const auto index = load<std::uint32_t>(question.body, 4);
        status = index >= pool.size() ? icmsg::kNoMoreItems : 0;
        if (status == 0) {
          std::memcpy(question.body.data() + 8, &pool[index].second, sizeof(icmsg::KvpValue));
        }
        break;
      }
      default:
        status = icmsg::kFailed;
    }
    return true;
  }
};

struct IcHost {
  explicit IcHost(World& in, const std::string& name)
      : world(in),
        machine(in, name, guest, 1, {vmbus::Version::V5_3}),
        time(std::make_unique<vsp::TimeSync>(*machine.partition, vsp::TimeSyncConfig{.vm = 1})),
        shutdown(std::make_unique<vsp::ShutdownComponent>(*machine.partition,
                                                          vsp::ShutdownConfig{.vm = 1})),
        key_value(
            std::make_unique<vsp::KeyValue>(*machine.partition, vsp::KeyValueConfig{.vm = 1})),
        vss(std::make_unique<vsp::Vss>(*machine.partition, vsp::VssConfig{.vm = 1})) {
    guest.make_clients();
    machine.server->add_device("timesync", *time);
    machine.server->add_device("shutdown", *shutdown);
    machine.server->add_device("kvp", *key_value);
    machine.server->add_device("vss", *vss);
  }
  ~IcHost() { machine.server.reset(); }
  void boot() {
    machine.boot();
    guest.bus->connect();
    world.run();
  }
  /// Runs a question to its end, or as long as `limit`; nothing when it is still open.
  template <class T>
  std::optional<T> wait_for(sim::Task<T> task, sim::Duration limit = seconds(2)) {
    std::optional<T> result;
    machine.host.spawn("question", 0, keep(std::move(task), result));
    const sim::Time end = world.world.now() + limit;
    while (!result && world.world.now() < end) world.run_for({1'000'000});
    if (!result) machine.host.cancel("question", 0);
    return result;
  }
  template <class T>
  static sim::Task<> keep(sim::Task<T> task, std::optional<T>& result) {
    result = co_await std::move(task);
  }

  World& world;
  IcGuest guest;
  Machine machine;
  std::unique_ptr<vsp::TimeSync> time;
  std::unique_ptr<vsp::ShutdownComponent> shutdown;
  std::unique_ptr<vsp::KeyValue> key_value;
  std::unique_ptr<vsp::Vss> vss;
};

struct IcRig {
  explicit IcRig(std::set<std::string, std::less<>> plants = {})
      : world(std::move(plants)), host(world, "host") {}
  World world;
  IcHost host;
};

/// A source and a target of one VM.
struct IcPair {
  explicit IcPair(std::set<std::string, std::less<>> plants = {})
      : world(std::move(plants)), source(world, "source"), target(world, "target") {
    source.boot();
  }
  bool move() {
    const auto state = source.machine.suspend_and_save();
    return target.machine.restore(state, *source.machine.memory);
  }
  World world;
  IcHost source, target;
};

}  // namespace test
