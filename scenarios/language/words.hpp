// Words that a user wrote, as complaints quote and correct them.
#pragma once

#include <string>
#include <vector>

namespace scenarios {

/// Letters, digits, - and _, at most 63, a letter first.
bool is_name(const std::string& text);
/// Words of small letters and digits, joined by dots or hyphens: vmbus.late-offer.
bool is_point(const std::string& text);
/// At most 60 characters of a quotation.
std::string shorten(const std::string& text);
/// The known word nearest to a misspelt one, "" when none is near.
std::string nearest(const std::string& word, const std::vector<std::string>& known);
/// ", did you mean `x`?" or ", known: a, b, c".
std::string suggestion(const std::string& word, const std::vector<std::string>& known);

}  // namespace scenarios
