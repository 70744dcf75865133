// The reference of the language for people, made from the grammar's rows: docs/scenarios.md.
#pragma once

#include <string>

namespace scenarios {

/// Markdown, the whole page.
std::string reference_page();

}  // namespace scenarios
