// hvsim trace show|diff|stat|moves|pcap: reading stored traces.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>

#include "scenarios/cli/commands.hpp"
#include "scenarios/cli/report.hpp"
#include "scenarios/language/reader.hpp"
#include "scenarios/runner/moves.hpp"
#include "traces/diff.hpp"
#include "traces/file.hpp"
#include "traces/text.hpp"

namespace cli {

namespace {

struct ShowArguments {
  std::string path;
  std::string type;
  std::string node;
  bool json = false;
  std::optional<std::uint64_t> from, count;
};

/// Event type by name or by area ("migration" means all of migration.*). Throws UserError.
traces::EventSet types_of(const std::string& wanted) {
  traces::EventSet set;
  std::vector<std::string> known;
  for (const traces::EventInfo& info : traces::all_events()) {
    const std::string name(info.name);
    const bool in_area = name.rfind(wanted + ".", 0) == 0;
    if (wanted.empty() || name == wanted || in_area) set.set(static_cast<std::size_t>(info.type));
    known.push_back(name);
  }
  if (set.none()) {
    throw scenarios::UserError("--type " + wanted + ": there is no such event or area" +
                               scenarios::suggestion(wanted, known));
  }
  return set;
}

int show(const ShowArguments& arguments) {
  const traces::EventSet types = types_of(arguments.type);
  for (traces::TraceReader whole(arguments.path); whole.next() != nullptr;) {
    // Nothing is printed of a file that turns out to be damaged.
  }
  traces::TraceReader trace(arguments.path);
  traces::NodeNames names;
  std::uint64_t left = arguments.count.value_or(UINT64_MAX);
  if (!arguments.json) {
    const traces::TraceHeader& header = trace.header();
    std::cout << fmt::format("# {}, seed {}, recorded by {}\n", header.scenario_name, header.seed,
                             header.build_id);
  }
  while (const traces::Event* event = trace.next()) {
    names.learn(*event);
    if (!types.test(static_cast<std::size_t>(event->type))) continue;
    if (!arguments.node.empty() && names.of(event->node) != arguments.node) continue;
    if (arguments.from && event->index < *arguments.from) continue;
    if (left == 0) continue;  // read on: the file is checked to its end
    --left;
    std::cout << (arguments.json
                      ? traces::json_line(*event, names)
                      : fmt::format("{:>8} {}", event->index, traces::text_line(*event, names)))
              << "\n";
  }
  return kAllHold;
}

int stat(const std::string& path) {
  traces::TraceReader trace(path);
  traces::Time end{};
  while (const traces::Event* event = trace.next()) end = std::max(end, event->time);
  const traces::TraceFooter& footer = trace.footer();
  const traces::TraceHeader& header = trace.header();
  std::cout << fmt::format("scenario  {}\nseed      {}\nbuild     {}\ndetail    {}\n",
                           header.scenario_name, header.seed, header.build_id,
                           header.detail ? "yes" : "no");
  std::cout << fmt::format("time      {}\nevents    {} ({} of level 0)\nhash      {}\n\n",
                           traces::to_text(end), footer.events, footer.level0_events,
                           traces::to_text(footer.hash));
  std::vector<std::pair<std::uint64_t, std::string>> rows;
  for (const traces::EventInfo& info : traces::all_events()) {
    const std::uint64_t count = footer.counts[static_cast<std::size_t>(info.type)];
    if (count != 0) rows.emplace_back(count, std::string(info.name));
  }
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  for (const auto& [count, name] : rows) std::cout << fmt::format("{:>10}  {}\n", count, name);
  return kAllHold;
}

int moves(const std::string& path) {
  traces::TraceReader trace(path);
  scenarios::Moves moves;
  trace.read_all(moves);
  std::cout << scenarios::text_of(moves.conclude());
  return kAllHold;
}

int diff(const std::string& left, const std::string& right) {
  traces::TraceReader a(left);
  traces::TraceReader b(right);
  const traces::TraceDiff result = traces::diff_traces(a, b);
  std::cout << traces::to_text(result, left, right);
  return result.same_events() ? kAllHold : kDiverged;
}

}  // namespace

void add_trace(Command root) {
  Command trace = root.command("trace", "read stored traces");

  auto arguments = std::make_shared<ShowArguments>();
  Command show_command = trace.command("show", "print events, one line each");
  show_command.argument("TRACE", arguments->path, "trace file")
      .option("--type", arguments->type, "event name or area, such as migration")
      .option("--node", arguments->node, "only events of this node")
      .count("--from", arguments->from, "first event index")
      .count("--count", arguments->count, "at most so many")
      .flag("--json", arguments->json, "JSON lines");
  show_command.does([arguments] { return show(*arguments); });

  auto path = std::make_shared<std::string>();
  Command stat_command = trace.command("stat", "what a trace holds");
  stat_command.argument("TRACE", *path, "trace file");
  stat_command.does([path] { return stat(*path); });

  auto moved = std::make_shared<std::string>();
  Command moves_command = trace.command(
      "moves",
      "for how long each migrated VM was gone, as its processors, adapters and clients saw it");
  moves_command.argument("TRACE", *moved, "trace file");
  moves_command.does([moved] { return moves(*moved); });

  auto pair = std::make_shared<std::pair<std::string, std::string>>();
  Command diff_command = trace.command("diff", "first event in which two traces differ");
  diff_command.argument("LEFT", pair->first, "trace file")
      .argument("RIGHT", pair->second, "trace file");
  diff_command.does([pair] { return diff(pair->first, pair->second); });

  add_trace_pcap(trace);
}

}  // namespace cli
