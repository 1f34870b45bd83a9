#include "runtime/cli/completion.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/cli/contexts.hpp"
#include "runtime/cli/help.hpp"
#include "runtime/cli/json_place.hpp"
#include "runtime/cli/tree_view.hpp"

#include <algorithm>

namespace coppice::cli {

namespace {

void add_verbs(word_place& to, const std::string& first) {
  for (const auto& x : all_verbs()) {
    if (x.hidden)
      continue;
    auto space = x.name.find(' ');
    auto word = x.name.substr(0, space);
    if (!first.empty()) {
      if (space == std::string::npos || word != first)
        continue;
      word = x.name.substr(space + 1);
    }
    if (to.words.empty() || to.words.back() != word)
      to.words.push_back(word);
  }
}

const flag* flag_of(const verb* of, std::string_view word) {
  for (const auto* table : {of == nullptr ? &global_flags() : &of->flags, &global_flags()})
    for (const auto& x : *table)
      if (word == x.long_name() || (!x.short_name().empty() && word == x.short_name()))
        return &x;
  return nullptr;
}

void add_flags(word_place& to, const verb* of) {
  if (of != nullptr)
    for (const auto& x : of->flags)
      to.words.push_back(x.long_name());
  for (const auto& x : global_flags())
    to.words.push_back(x.long_name());
}

std::string_view fixed_kind(word_kind kind) {
  switch (kind) {
    case word_kind::path:
      return "path";
    case word_kind::node:
      return "node";
    case word_kind::actor_type:
      return "actor_type";
    case word_kind::message_type:
      return "message_type";
    case word_kind::any_type:
      return "any_type";
    case word_kind::stream:
      return "stream";
    case word_kind::consumer:
      return "consumer";
    case word_kind::dead_letter:
      return "dead_letter";
    default:
      return "";
  }
}

} // namespace

word_place place_of(const std::vector<std::string>& words) {
  word_place out;
  std::vector<std::string> before(words.begin(), words.empty() ? words.end() : words.end() - 1);
  auto begun = words.empty() ? std::string{} : words.back();
  // The words in front without flags and their values.
  std::vector<std::string> plain;
  const verb* found = nullptr;
  const flag* open = nullptr;
  for (const auto& word : before) {
    if (open != nullptr) {
      open = nullptr;
      continue;
    }
    if (word.size() > 1 && word[0] == '-') {
      const auto* x = flag_of(found, word);
      if (x != nullptr && !x->value.empty())
        open = x;
      continue;
    }
    plain.push_back(word);
    if (plain.size() <= 2)
      if (const auto* x = find_verb(plain.size() == 1 ? plain[0] : plain[0] + " " + plain[1]))
        found = x;
  }
  if (open != nullptr) {
    out.words = open->words;
    out.kind = open->kind;
    if (open->long_name() == "--args")
      for (size_t i = 0; i + 1 < before.size(); ++i)
        if (before[i] == "--type")
          out.type = before[i + 1];
    return out;
  }
  if (!begun.empty() && begun[0] == '-') {
    add_flags(out, found);
    return out;
  }
  if (plain.empty()) {
    add_verbs(out, "");
    return out;
  }
  if (plain.size() == 1)
    add_verbs(out, plain[0]);
  if (found == nullptr)
    return out;
  auto used = std::count(found->name.begin(), found->name.end(), ' ') + 1;
  auto at = plain.size() - std::min<size_t>(plain.size(), static_cast<size_t>(used));
  if (at < found->args.size()) {
    const auto& place = found->args[at];
    out.kind = place.kind;
    out.words.insert(out.words.end(), place.words.begin(), place.words.end());
    if (place.kind == word_kind::json && at > 0)
      out.type = plain.back();
    if (place.kind == word_kind::message_type && at > 0 && found->args[0].kind == word_kind::path)
      out.path = plain.back();
    if (place.kind == word_kind::verb)
      add_verbs(out, "");
    if (place.kind == word_kind::code)
      for (const auto& x : all_errc())
        out.words.emplace_back(x.name);
  }
  return out;
}

std::vector<std::string> completer::ask(word_kind kind) {
  auto saved = in_.options();
  in_.options().timeout = saved.timeout.value_or(std::chrono::milliseconds{300});
  std::vector<std::string> out;
  auto add = [&](std::string_view path, const char* key, std::string_view only = {}) {
    if (auto answer = in_.get(path))
      for (const auto& x : items(*answer, ""))
        if ((only.empty() || text(x, "kind") == only) && !text(x, key).empty())
          out.push_back(text(x, key));
  };
  switch (kind) {
    case word_kind::path:
      if (auto answer = in_.get("/v1/tree"))
        for (const auto& x : flatten(items(*answer, ""))) {
          if (cli::find(x, "error") != nullptr)
            continue;
          out.push_back(text(x, "node") + ":" + text(x, "path"));
          out.push_back(text(x, "path"));
        }
      break;
    case word_kind::node:
      add("/v1/nodes", "name");
      break;
    case word_kind::actor_type:
      add("/v1/types", "name", "actor");
      break;
    case word_kind::message_type:
      add("/v1/types", "name", "message");
      break;
    case word_kind::any_type:
      add("/v1/types", "name");
      break;
    case word_kind::stream:
      add("/v1/streams", "name");
      break;
    case word_kind::consumer:
      add("/v1/consumers", "name");
      break;
    case word_kind::dead_letter:
      add("/v1/dlq", "id");
      break;
    default:
      break;
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  in_.options() = saved;
  return out;
}

std::vector<std::string> completer::fields(const std::string& type, const std::string& begun) {
  std::vector<std::string> out;
  if (auto answer = in_.get("/v1/types/" + http::encode_component(type))) {
    if (const auto* example = cli::find(*answer, "example"))
      out.push_back(json::serialize(*example));
    for (const auto& x : items(*answer, "fields"))
      out.push_back("{\"" + text(x, "name") + "\":");
    if (const auto* schema = cli::find(*answer, "schema"))
      for (auto& x : with_names(begun, *schema))
        out.push_back(std::move(x));
  }
  return out;
}

/// What the actor takes; every message type when that is not known.
std::vector<std::string> completer::accepted(const std::string& path) {
  auto now = system_clock().monotonic();
  auto& entry = cache_["accepts " + path];
  if (entry.at != duration{} && now - entry.at <= std::chrono::seconds{1})
    return entry.names;
  auto saved = in_.options();
  in_.options().timeout = saved.timeout.value_or(std::chrono::milliseconds{300});
  std::vector<std::string> names;
  bool anything = true;
  if (auto full = in_.path(path))
    if (auto actor = in_.get("/v1/actors", {{"path", *full}})) {
      for (const auto& x : items(*actor, "accepts"))
        if (const auto* name = x.if_string())
          names.emplace_back(name->data(), name->size());
      // Without a list: a supervisor takes nothing, other actors may take anything.
      anything = names.empty() && text(*actor, "kind") != "supervisor";
    }
  in_.options() = saved;
  if (anything)
    names = known(word_kind::message_type, {});
  std::sort(names.begin(), names.end());
  cache_["accepts " + path] = {now, names};
  return names;
}

std::vector<std::string> completer::known(word_kind kind, const std::string& begun) {
  auto now = system_clock().monotonic();
  auto& entry = cache_[std::string{fixed_kind(kind)}];
  if (entry.at == duration{} || now - entry.at > std::chrono::seconds{1})
    entry = {now, ask(kind)};
  if (kind != word_kind::path || begun.empty() || begun[0] == '/'
      || begun.find(':') != std::string::npos)
    return entry.names;
  // Relative to the console's folder, and node names in front of a path.
  std::vector<std::string> out;
  auto base = in_.folder + (in_.folder.back() == '/' ? "" : "/");
  for (const auto& x : entry.names) {
    if (x.rfind(base, 0) == 0 && x.size() > base.size())
      out.push_back(x.substr(base.size()));
    if (x.find(':') != std::string::npos)
      out.push_back(x);
  }
  return out;
}

std::vector<std::string> completer::candidates(const std::vector<std::string>& words) {
  auto begun = words.empty() ? std::string{} : words.back();
  auto place = place_of(words);
  auto all = place.words;
  if (place.kind == word_kind::json && !place.type.empty())
    all = fields(place.type, begun);
  else if (!fixed_kind(place.kind).empty()) {
    auto names = place.path.empty() ? known(place.kind, begun) : accepted(place.path);
    all.insert(all.end(), names.begin(), names.end());
  }
  std::vector<std::string> out;
  for (const auto& x : all)
    if (x.rfind(begun, 0) == 0 && std::find(out.begin(), out.end(), x) == out.end())
      out.push_back(x);
  return out;
}

std::string completion_script(const std::string& shell, const cli_environment& env) {
  const auto& p = env.program;
  auto function = "_" + p;
  for (auto& c : function)
    if (!std::isalnum(static_cast<unsigned char>(c)))
      c = '_';
  if (shell == "fish")
    return "function " + function + "\n  set -l words (commandline -opc) (commandline -ct)\n  " + p
           + " complete $words[2..-1] 2>/dev/null\nend\ncomplete -c " + p + " -f -a '(" + function
           + ")'\n";
  if (shell == "zsh")
    return "#compdef " + p + "\n" + function + "() {\n  local -a found\n  found=(\"${(@f)$(" + p
           + " complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)}\")\n  compadd -Q -- "
             "$found\n}\ncompdef "
           + function + " " + p + "\n";
  return function
         + "() {\n  local IFS=$'\\n'\n  local line=${COMP_LINE:0:COMP_POINT}\n  local -a words\n"
           "  IFS=$' \\t' read -r -a words <<< \"$line\"\n  [[ $line == *[[:space:]] ]] && "
           "words+=('')\n"
           "  local last=${words[-1]}\n"
           "  COMPREPLY=($("
         + p
         + " complete \"${words[@]:1}\" 2>/dev/null))\n"
           "  # The shell splits words at colons: give back only what stands behind the last one.\n"
           "  if [[ $last == *:* && $COMP_WORDBREAKS == *:* ]]; then\n    local "
           "front=${last%\"${last##*:}\"}\n"
           "    COMPREPLY=(\"${COMPREPLY[@]#\"$front\"}\")\n  fi\n}\ncomplete -o default -F "
         + function + " " + p + "\n";
}

} // namespace coppice::cli
