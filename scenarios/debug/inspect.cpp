#include "scenarios/debug/inspect.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "hypervisor/management/installation.hpp"
#include "scenarios/debug/inspect_machine.hpp"
#include "scenarios/language/reader.hpp"
#include "scenarios/language/source.hpp"
#include "scenarios/language/units.hpp"
#include "scenarios/runner/simulation.hpp"

namespace debugger {

using scenarios::UserError;

namespace {

std::string text(traces::Time time) { return traces::to_text(time); }

std::string node_name(const View& view, sim::NodeId node) { return view.names.of(node); }

std::string vm_name(const View& view, std::uint32_t number) {
  const auto& vms = view.scenario.vms;
  return number >= 1 && number <= vms.size() ? vms[number - 1].name : std::to_string(number);
}

faults::Field& field_of(const View& view) { return view.simulation; }

/// The entry of that name in a table, or the whole table.
Json pick(const Json& table, const Words& words, const char* key = "name") {
  if (words.size() < 2) return table;
  std::vector<std::string> known;
  for (const Json& row : table) {
    if (row[key] == words[1]) return row;
    known.push_back(row[key]);
  }
  std::string all;
  for (const std::string& name : known) all += (all.empty() ? "" : ", ") + name;
  throw UserError("there is no `" + words[1] + "` here" +
                  (all.empty() ? "" : "; there are " + all));
}

Json world(const View& view) {
  sim::World& world = view.simulation.world();
  Json data;
  data["scenario"] = view.scenario.name;
  data["now"] = text(world.now());
  data["end"] = text(view.scenario.end);
  data["events"] = view.simulation.recorder().events();
  data["hash"] = traces::to_text(view.simulation.recorder().hash());
  data["pending events"] = world.pending_events();
  data["dispatched"] = world.dispatched();
  data["nodes"] = world.nodes().size();
  data["busy"] = view.simulation.wired() && view.simulation.installation().busy();
  return data;
}

Json nodes(const View& view) {
  Json table = Json::array();
  for (const auto& node : view.simulation.world().nodes()) {
    Json row;
    row["id"] = node->id().value;
    row["name"] = node->name();
    row["kind"] = node->kind();
    row["state"] = !node->alive() ? "dead" : node->paused() ? "paused" : "alive";
    row["boots"] = node->generation();
    table.push_back(row);
  }
  return table;
}

Json hosts(const View& view) {
  Json table = Json::array();
  for (management::Host* host : view.simulation.installation().hosts()) {
    Json row;
    row["name"] = host->node().name();
    row["state"] = host->node().paused() ? "paused" : "alive";
    Json names = Json::array();
    for (const std::uint32_t vm : host->vms()) names.push_back(vm_name(view, vm));
    row["vms"] = names;
    row["partitions"] = host->hypervisor().partitions().size();
    table.push_back(row);
  }
  return table;
}

const char* heartbeat_text(vsp::HeartbeatStatus status) {
  switch (status) {
    case vsp::HeartbeatStatus::NoContact:
      return "no contact";
    case vsp::HeartbeatStatus::Ok:
      return "ok";
    case vsp::HeartbeatStatus::LostCommunication:
      break;
  }
  return "lost communication";
}

Json vms(const View& view) {
  Json table = Json::array();
  for (management::Host* host : view.simulation.installation().hosts()) {
    for (const std::uint32_t number : host->vms()) {
      Json row;
      row["name"] = vm_name(view, number);
      row["number"] = number;
      row["host"] = host->node().name();
      row["state"] = std::string(traces::name_of(host->state(number)));
      row["running"] = host->running(number);
      if (const migration::WorkerProcess* worker = host->worker(number); worker != nullptr) {
        if (worker->built()) {
          row["guest"] = worker->config().guest;
          row["memory pages"] = worker->config().memory_pages;
          row["dirty log"] = worker->memory().logging();
          row["dirty pages"] = worker->memory().dirty_pages();
          row["heartbeat"] = heartbeat_text(worker->heartbeat().status());
          row["open disks"] = worker->open_disk_count();
        }
        if (!worker->ended().empty()) row["ended"] = worker->ended();
      }
      table.push_back(row);
    }
  }
  return table;
}

Json disks(const View& view) {
  Json table = Json::array();
  for (const scenarios::StorageSpec& spec : view.scenario.storage) {
    const sim::SharedDisk* disk = field_of(view).storage(spec.name);
    if (disk == nullptr) continue;
    Json row;
    row["name"] = spec.name;
    row["number"] = disk->config().number;
    row["sectors"] = disk->config().sectors;
    row["node"] = disk->node().alive() ? "alive" : "dead";
    const auto owner = disk->owner();
    row["owner"] = owner ? node_name(view, *owner) : "nobody";
    row["content"] = traces::to_text(disk->digest());
    table.push_back(row);
  }
  return table;
}

Json links(const View& view) {
  Json table = Json::array();
  for (const scenarios::NetworkSpec& network : view.scenario.networks) {
    for (const std::string& name : network.hosts) {
      Json row;
      const std::string link = field_of(view).link_of(network.name, name);
      const sim::Node* host = field_of(view).host(name);
      const sim::Node* hub = field_of(view).host("switch-" + network.name);
      row["name"] = link;
      row["from host"] = view.simulation.world().node(host->id()).alive() &&
                                 field_of(view).network().up(link, host->id())
                             ? "up"
                             : "down";
      row["to host"] =
          hub != nullptr && field_of(view).network().up(link, hub->id()) ? "up" : "down";
      row["bits per second"] = network.bits_per_second;
      row["latency"] = traces::to_text(network.latency / 2);
      table.push_back(row);
    }
  }
  return table;
}

Json queue(const View& view, const Words& words) {
  std::uint64_t count = 10;
  if (words.size() > 1) {
    const auto given = scenarios::parse_count(words[1]);
    if (!given || *given == 0) throw UserError("`" + words[1] + "` is no count of events");
    count = *given;
  }
  Json table = Json::array();
  for (const sim::EventKey& key : view.simulation.world().next_events(count)) {
    Json row;
    row["time"] = text(key.time);
    row["node"] = node_name(view, key.node);
    row["path"] = fmt::format("{:016x}", key.path);
    row["sequence"] = key.sequence;
    table.push_back(row);
  }
  return table;
}

}  // namespace

traces::EventSet Jobs::events() {
  traces::EventSet set;
  set.set(static_cast<std::size_t>(traces::ev::VerbStarted::kType));
  set.set(static_cast<std::size_t>(traces::ev::VerbFinished::kType));
  set.set(static_cast<std::size_t>(traces::ev::MigrationPhase::kType));
  set.set(static_cast<std::size_t>(traces::ev::MigrationRound::kType));
  return set;
}

void Jobs::on_event(const traces::Event& event) {
  if (const auto* started = event.as<traces::ev::VerbStarted>()) {
    Job& job = jobs_[started->job];
    job.verb = started->verb;
    job.argument = started->argument;
    job.vm = started->vm;
    job.node = event.node;
  } else if (const auto* finished = event.as<traces::ev::VerbFinished>()) {
    jobs_[finished->job].status = traces::name_of(finished->status);
  } else if (const auto* phase = event.as<traces::ev::MigrationPhase>()) {
    Job& job = jobs_[phase->job];
    std::string& side = event.node == job.node ? job.source_phase : job.target_phase;
    side = traces::name_of(phase->phase);
  } else if (const auto* round = event.as<traces::ev::MigrationRound>()) {
    Job& job = jobs_[round->job];
    ++job.rounds;
    job.pages += round->pages;
  }
}

Json Jobs::table(const traces::NodeNames& names) const {
  Json table = Json::array();
  for (const auto& [number, job] : jobs_) {
    Json row;
    row["job"] = std::to_string(number);
    row["verb"] = job.verb;
    row["vm"] = job.vm;
    row["argument"] = job.argument;
    row["host"] = names.of(job.node);
    row["status"] = job.status;
    row["source"] = job.source_phase;
    row["target"] = job.target_phase;
    row["rounds"] = job.rounds;
    row["pages"] = job.pages;
    table.push_back(row);
  }
  return table;
}

void require_wired(const View& view) {
  if (view.simulation.wired()) return;
  throw UserError("the world is still being built at this event; `step` goes on");
}

const std::vector<Topic>& topics() {
  static const std::vector<Topic> all{
      {"world", "clock, hash, how much is pending"},
      {"nodes [NAME]", "fault domains: alive, paused, dead"},
      {"hosts [NAME]", "hosts that run, with their VMs"},
      {"vms [NAME]", "VMs: where, state, guest, dirty log, heartbeat"},
      {"partitions [ID@HOST]", "partitions of every hypervisor"},
      {"vp VM[@HOST] [VP]", "a virtual processor: clock, registers, APIC"},
      {"synic VM[@HOST] [VP]", "its synthetic interrupt controller and timers"},
      {"channels VM", "VMBus channels of a VM"},
      {"rings VM", "their ring buffers' headers"},
      {"disks [NAME]", "shared disks: owner, digest of the content"},
      {"links [NAME]", "network links, by direction"},
      {"jobs [NUMBER]", "management jobs and migrations"},
      {"queue [COUNT]", "the head of the event queue"},
  };
  return all;
}

Json inspect(const View& view, const Words& words) {
  if (words.empty()) throw UserError("inspect what? `help inspect` names the topics");
  const std::string& topic = words.front();
  if (topic == "world") return world(view);
  if (topic == "nodes") return pick(nodes(view), words);
  if (topic == "jobs") return pick(view.jobs.table(view.names), words, "job");
  if (topic == "queue") return queue(view, words);
  require_wired(view);
  if (topic == "hosts") return pick(hosts(view), words);
  if (topic == "vms") return pick(vms(view), words);
  if (topic == "partitions") return pick(partitions(view), words, "id");
  if (topic == "vp") return processor(view, words);
  if (topic == "synic") return synic(view, words);
  if (topic == "channels") return channels(view, words);
  if (topic == "rings") return rings(view, words);
  if (topic == "disks") return pick(disks(view), words);
  if (topic == "links") return pick(links(view), words);
  std::vector<std::string> known;
  for (const Topic& one : topics()) {
    const std::string usage = one.usage;
    known.push_back(usage.substr(0, usage.find(' ')));
  }
  throw UserError("there is no topic `" + topic + "`" + scenarios::suggestion(topic, known));
}

}  // namespace debugger
