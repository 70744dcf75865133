// Completion scripts for three shells, made from what the command line says about itself.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/cli/description.hpp"

namespace cli {

namespace {

/// A command with the words that lead to it.
struct Reached {
  std::string path;
  const CommandInfo* command = nullptr;
};

void reach(const CommandInfo& command, const std::string& path, std::vector<Reached>& all) {
  all.push_back({path, &command});
  for (const CommandInfo& one : command.commands) reach(one, path + " " + one.name, all);
}

std::vector<Reached> all_of(const CommandInfo& program) {
  std::vector<Reached> all;
  reach(program, program.name, all);
  return all;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

/// In single quotes, for any shell.
std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

/// What can stand next without a value before it: commands, options, choices of arguments.
std::vector<std::string> words_of(const CommandInfo& command) {
  std::vector<std::string> words;
  for (const CommandInfo& one : command.commands) words.push_back(one.name);
  for (const OptionInfo& option : command.options) {
    if (option.positional) {
      words.insert(words.end(), option.choices.begin(), option.choices.end());
    } else {
      words.push_back(option.name);
    }
  }
  return words;
}

/// Arguments by position that are not one of a few words are files.
bool takes_files(const CommandInfo& command) {
  return std::any_of(command.options.begin(), command.options.end(), [](const OptionInfo& option) {
    return option.positional && option.choices.empty();
  });
}

std::string bash(const CommandInfo& program) {
  const auto all = all_of(program);
  std::string paths;
  std::string values;
  std::string words;
  for (const Reached& one : all) {
    if (one.command != &program) paths += (paths.empty() ? "" : "|") + shell_quoted(one.path);
    for (const OptionInfo& option : one.command->options) {
      if (option.positional || !option.takes_value) continue;
      values += "    " + shell_quoted(one.path + " " + option.name) +
                (option.brief.empty() ? "" : "|" + shell_quoted(one.path + " " + option.brief)) +
                ") ";
      values += option.choices.empty()
                    ? "COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n"
                    : "COMPREPLY=($(compgen -W " + shell_quoted(joined(option.choices)) +
                          " -- \"$cur\")); return ;;\n";
    }
    words += "    " + shell_quoted(one.path) +
             ") words=" + shell_quoted(joined(words_of(*one.command))) +
             (takes_files(*one.command) ? " files=yes" : "") + " ;;\n";
  }
  return "# bash completion for hvsim: source <(hvsim completion bash)\n_hvsim() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
         "  local path=hvsim word words= files=\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    case \"$path $word\" in\n    " +
         paths +
         ") path=\"$path $word\" ;;\n    esac\n  done\n"
         "  case \"$path $prev\" in\n" +
         values + "  esac\n  case \"$path\" in\n" + words +
         "  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "  [[ -z $files || $cur == -* ]] || COMPREPLY+=($(compgen -f -- \"$cur\"))\n}\n"
         "complete -o filenames -F _hvsim hvsim\n";
}

/// `name:what` as _describe takes it.
std::string described(const std::string& name, const std::string& what) {
  std::string escaped;
  for (const char c : name) escaped += c == ':' ? "\\:" : std::string(1, c);
  return shell_quoted(escaped + ":" + what);
}

std::string zsh(const CommandInfo& program) {
  const auto all = all_of(program);
  std::string paths;
  std::string values;
  std::string lists;
  for (const Reached& one : all) {
    if (one.command != &program) paths += (paths.empty() ? "" : "|") + shell_quoted(one.path);
    std::string entries;
    for (const CommandInfo& sub : one.command->commands) {
      entries += " " + described(sub.name, sub.what);
    }
    for (const OptionInfo& option : one.command->options) {
      if (!option.positional) entries += " " + described(option.name, option.what);
      if (option.positional) {
        for (const std::string& choice : option.choices) entries += " " + shell_quoted(choice);
      }
      if (option.positional || !option.takes_value) continue;
      values += "    " + shell_quoted(one.path + " " + option.name) + ") ";
      values += option.choices.empty() ? "_files; return ;;\n"
                                       : "compadd " + joined(option.choices) + "; return ;;\n";
    }
    lists += "    " + shell_quoted(one.path) + ") list=(" +
             (entries.empty() ? "" : entries.substr(1)) +
             (takes_files(*one.command) ? ") files=yes ;;\n" : ") ;;\n");
  }
  return "#compdef hvsim\n# zsh completion for hvsim: source <(hvsim completion zsh)\n_hvsim() {\n"
         "  local route=hvsim word files=\n  local -a list\n"
         "  for word in ${words[2,CURRENT-1]}; do\n"
         "    case \"$route $word\" in\n    " +
         paths +
         ") route=\"$route $word\" ;;\n    esac\n  done\n"
         "  case \"$route ${words[CURRENT-1]}\" in\n" +
         values + "  esac\n  case \"$route\" in\n" + lists +
         "  esac\n  _describe 'hvsim' list\n  [[ -z $files ]] || _files\n}\n"
         "compdef _hvsim hvsim\n";
}

std::string fish(const CommandInfo& program) {
  std::string script = "# fish completion for hvsim: hvsim completion fish | source\n";
  for (const Reached& one : all_of(program)) {
    // Every word of the path has been seen, and none of those that would lead on.
    std::string seen;
    for (std::size_t at = one.path.find(' '); at != std::string::npos;) {
      const std::size_t next = one.path.find(' ', at + 1);
      const std::string word = one.path.substr(at + 1, next - at - 1);
      seen += (seen.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + word);
      at = next;
    }
    std::vector<std::string> onward;
    for (const CommandInfo& sub : one.command->commands) onward.push_back(sub.name);
    if (!onward.empty()) {
      seen +=
          (seen.empty() ? "" : "; and ") + ("not __fish_seen_subcommand_from " + joined(onward));
    }
    const std::string start = "complete -c hvsim -n " + shell_quoted(seen.empty() ? "true" : seen);
    for (const CommandInfo& sub : one.command->commands) {
      script += start + " -f -a " + shell_quoted(sub.name) + " -d " + shell_quoted(sub.what) + "\n";
    }
    for (const OptionInfo& option : one.command->options) {
      if (option.positional) {
        if (option.choices.empty()) continue;
        script += start + " -f -a " + shell_quoted(joined(option.choices)) + "\n";
        continue;
      }
      const bool word = option.name.rfind("--", 0) == 0;
      script += start + (word ? " -l " : " -s ") + option.name.substr(word ? 2 : 1);
      if (!option.brief.empty()) script += " -s " + option.brief.substr(1);
      if (option.takes_value) script += " -r";
      if (!option.choices.empty()) script += " -f -a " + shell_quoted(joined(option.choices));
      script += " -d " + shell_quoted(option.what) + "\n";
    }
  }
  return script;
}

}  // namespace

std::string completion(const CommandInfo& program, const std::string& shell) {
  if (shell == "zsh") return zsh(program);
  if (shell == "fish") return fish(program);
  return bash(program);
}

}  // namespace cli
