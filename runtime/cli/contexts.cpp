#include "runtime/cli/contexts.hpp"

#include "runtime/cli/dev_state.hpp"
#include "runtime/cli/fields.hpp"

#include <cstdlib>
#include <filesystem>

#include <unistd.h>

namespace coppice::cli {

const context* context_list::find(std::string_view name) const {
  for (const auto& x : contexts)
    if (x.name == name)
      return &x;
  return nullptr;
}

std::string contexts_file() {
  if (const auto* config = std::getenv("XDG_CONFIG_HOME"); config != nullptr && *config == '/')
    return std::string{config} + "/coppice/contexts.json";
  return home_folder() + "/.config/coppice/contexts.json";
}

result<context_list> read_contexts(const std::string& file) {
  if (::access(file.c_str(), F_OK) != 0)
    return context_list{};
  auto raw = read_text_file(file);
  if (!raw)
    return raw.error();
  auto parsed = json::parse(*raw);
  if (!parsed)
    return error{errc::storage, "is damaged: " + parsed.error().message, file, ""};
  context_list out;
  out.current = text(*parsed, "current");
  for (const auto& x : items(*parsed, "contexts"))
    out.contexts.push_back(
      {text(x, "name"), text(x, "url"), text(x, "token_file"), text(x, "ca_file")});
  return out;
}

result<void> write_contexts(const std::string& file, const context_list& x) {
  json::array list;
  for (const auto& c : x.contexts)
    list.push_back(json::object{
      {"name", c.name}, {"url", c.url}, {"token_file", c.token_file}, {"ca_file", c.ca_file}});
  std::error_code code;
  std::filesystem::create_directories(std::filesystem::path{file}.parent_path(), code);
  if (code)
    return error{errc::storage, code.message(), file, ""};
  json::object out{{"current", x.current}, {"contexts", std::move(list)}};
  return write_text_file(file, json::serialize_pretty(out) + "\n");
}

} // namespace coppice::cli
