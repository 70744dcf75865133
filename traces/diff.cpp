#include "traces/diff.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "traces/reflection.hpp"
#include "traces/text.hpp"

namespace traces {
namespace {

std::string in_words(const std::vector<std::string>& list) {
  return list.empty() ? "none" : fmt::format("{}", fmt::join(list, " "));
}

std::vector<std::string> in_words(const std::vector<TraceHeader::Input>& inputs) {
  std::vector<std::string> words;
  for (const TraceHeader::Input& one : inputs)
    words.push_back(one.name + ":" + to_text(one.digest));
  return words;
}

std::vector<std::string> header_differences(const TraceHeader& a, const TraceHeader& b) {
  std::vector<std::string> out;
  const auto report = [&out](std::string_view what, const auto& left, const auto& right) {
    if (left != right) out.push_back(fmt::format("{}: {} against {}", what, left, right));
  };
  report("build", a.build_id, b.build_id);
  report("scenario", a.scenario_name, b.scenario_name);
  if (a.scenario != b.scenario) {
    out.push_back(fmt::format("scenario text: {} bytes against {}, not the same", a.scenario.size(),
                              b.scenario.size()));
  }
  report("seed", a.seed, b.seed);
  report("overrides", in_words(a.overrides), in_words(b.overrides));
  report("plants", in_words(a.plants), in_words(b.plants));
  report("decisions", in_words(a.decisions), in_words(b.decisions));
  report("inputs", in_words(in_words(a.inputs)), in_words(in_words(b.inputs)));
  report("detail", a.detail ? "yes" : "no", b.detail ? "yes" : "no");
  return out;
}

}  // namespace

TraceDiff diff_traces(TraceReader& left, TraceReader& right, std::size_t context) {
  TraceDiff diff;
  diff.header = header_differences(left.header(), right.header());
  diff.detail_compared = left.header().detail && right.header().detail;
  StreamComparer comparer(context);
  const auto advance = [&](TraceReader& reader, auto& counts) {
    const Event* event = next_event(reader, diff.detail_compared);
    if (event != nullptr) ++counts[static_cast<std::size_t>(event->type)];
    return event;
  };
  for (;;) {
    const Event* a = advance(left, diff.left_counts);
    const Event* b = advance(right, diff.right_counts);
    comparer.compare(a, b);
    if (a == nullptr && b == nullptr) break;
  }
  diff.first = comparer.difference();
  return diff;
}

std::string to_text(const TraceDiff& diff, const std::string& left, const std::string& right) {
  std::string out;
  for (const std::string& one : diff.header) out += "header  " + one + "\n";
  if (!diff.first) {
    out += diff.detail_compared ? "no event differs\n" : "no event of level 0 differs\n";
    return out;
  }
  const Difference& first = *diff.first;
  out += fmt::format("first difference after {} equal events{}\n", first.position,
                     diff.detail_compared ? "" : " of level 0");
  for (const std::string& one : first.before) out += "    " + one + "\n";
  out += fmt::format("  - {}\n  + {}\n", first.left, first.right);
  if (!first.fields.empty()) out += fmt::format("  differs in: {}\n", in_words(first.fields));
  out += fmt::format("  - is {}, + is {}\n", left, right);
  for (const EventInfo& one : all_events()) {
    const auto type = static_cast<std::size_t>(one.type);
    if (diff.left_counts[type] == diff.right_counts[type]) continue;
    out += fmt::format("count   {}: {} against {}\n", one.name, diff.left_counts[type],
                       diff.right_counts[type]);
  }
  return out;
}

}  // namespace traces
