// Conditions of the user's own properties: small typed expressions over one event and over earlier
// events that were given a name. `bytes <= 64MiB and time - start.time < 20ms`.
//
//   names     fields of the event; time, node; NAME.field of a captured event
//   values    12, 0x1f, 64MiB, 20ms, true, 'text', and names of enumerations beside their field
//   operators or, and, not, == != < <= > >=, + -, * /, unary -, parentheses
//
// Kinds are checked when it is read: number, size, duration (instants are durations since the world
// began), truth value, text, digest, enumeration. Dividing by a unit leaves a number: `took / 1us`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "traces/record.hpp"
#include "traces/reflection.hpp"
#include "traces/text.hpp"

namespace checkers {

/// What is wrong with an expression, and where in its text.
struct ExpressionMistake {
  std::size_t offset = 0;
  std::string text;
  std::string word;  ///< misspelt, when `known` lists what it might have been
  std::vector<std::string> known;
};

/// What an expression may name.
struct ExpressionScope {
  const traces::EventInfo* subject = nullptr;
  std::vector<std::pair<std::string, const traces::EventInfo*>> captures;
};

/// Events that an expression is held against.
struct ExpressionInput {
  const traces::Event& subject;
  const traces::NodeNames& names;
  /// In the order of the scope; nullptr: has not happened yet.
  const std::vector<const traces::Event*>& captures;
};

class Expression {
 public:
  enum class Result : std::uint8_t {
    False,
    True,
    Missing,  ///< names a captured event that has not happened
    Failed    ///< overflow or division by zero: nothing can be said
  };

  /// Throws ExpressionMistake.
  Expression(std::string_view text, const ExpressionScope& scope);
  ~Expression();
  Expression(Expression&&) noexcept;
  Expression& operator=(Expression&&) noexcept;

  /// With Failed, `why` says what went wrong.
  Result test(const ExpressionInput& input, std::string& why) const;

  struct Node;

 private:
  std::unique_ptr<Node> root_;
};

}  // namespace checkers
