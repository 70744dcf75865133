// Random events of every type, made from the reflection tables: a new event or field is covered by
// the tests of codec, files, text and comparison as soon as it is in the schema.
#pragma once

#include <string>
#include <vector>

#include "traces/events.hpp"
#include "traces/file.hpp"
#include "traces/owned_event.hpp"
#include "traces/record.hpp"

namespace traces::testing {

/// Only inside a rapidcheck property.
OwnedEvent random_event(EventType type);
OwnedEvent random_event();
/// With ascending indices from `first_index`, without gaps.
std::vector<OwnedEvent> random_events(std::uint64_t first_index = 0);

/// The same event with one thing changed: time, node, or the field of this number.
OwnedEvent with_change(const OwnedEvent& event, std::size_t what);
/// How many things with_change() can change.
std::size_t change_count(const Event& event);

/// A name in the directory for temporary files, unique for this test.
std::string temporary_path(const std::string& name);
/// Writes what a recorder lets pass and returns the path.
std::string write_trace(const std::string& name, const TraceHeader& header,
                        const std::vector<OwnedEvent>& events);
std::string read_file(const std::string& path);
/// A reader of bytes in memory.
TraceReader reader_of(const std::string& content);
std::vector<OwnedEvent> read_events(TraceReader& reader);

}  // namespace traces::testing
