#include "runtime/program/program.hpp"

#include "runtime/admin/admin.hpp"
#include "runtime/cli/cli.hpp"
#include "runtime/node/node_messages.hpp"
#include "runtime/program/build_info.hpp"
#include "runtime/program/node_main.hpp"

#include <caf/config.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

namespace coppice {

namespace {

std::string caf_version() {
  return std::to_string(CAF_MAJOR_VERSION) + "." + std::to_string(CAF_MINOR_VERSION) + "."
         + std::to_string(CAF_PATCH_VERSION);
}

result<json::schema_table> read_table(const cli::named_text& from) {
  auto value = json::parse(from.text);
  auto out = value ? json::from_json<json::schema_table>(*value) : value.error();
  if (out)
    return out;
  auto reason = out.error();
  reason.at = from.name + (value && !reason.at.empty() ? ", " + reason.at : "");
  return reason;
}

result<cli::schema_difference> compare_tables(const cli::named_text& before,
                                              const cli::named_text& after) {
  auto a = read_table(before);
  if (!a)
    return a.error();
  auto b = read_table(after);
  if (!b)
    return b.error();
  auto verdict = json::compare(*a, *b);
  return cli::schema_difference{std::string{to_string(verdict.verdict)}, verdict.differences};
}

/// Writes the generated contracts; returns the files whose content changed.
result<std::vector<std::string>> write_contracts(const std::filesystem::path& folder) {
  auto contents = [&folder] {
    std::map<std::string, std::string> out;
    std::error_code failure;
    for (auto& entry : std::filesystem::recursive_directory_iterator{folder, failure})
      if (entry.is_regular_file()) {
        std::ifstream in{entry.path()};
        out[entry.path().lexically_relative(folder).string()] = {std::istreambuf_iterator<char>{in},
                                                                 {}};
      }
    return out;
  };
  auto before = contents();
  if (auto ok = json::write_schemas(folder); !ok)
    return ok.error();
  auto openapi = folder / "openapi";
  std::error_code failure;
  std::filesystem::create_directories(openapi, failure);
  std::ofstream out{openapi / "coppice.json"};
  out << admin::openapi_document();
  out.close();
  if (failure || !out)
    return error{errc::refused,
                 "cannot be written: " + (failure ? failure.message() : std::strerror(errno)),
                 (openapi / "coppice.json").string(),
                 {}};
  std::vector<std::string> changed;
  auto after = contents();
  for (auto& [name, text] : after)
    if (auto i = before.find(name); i == before.end() || i->second != text)
      changed.push_back(name);
  for (auto& [name, text] : before)
    if (!after.contains(name))
      changed.push_back(name);
  return changed;
}

} // namespace

int run(int argc, char** argv, std::initializer_list<extension> extensions, program_info about) {
  init_runtime_types();
  for (auto& x : extensions)
    if (x.messages != nullptr)
      x.messages(json::types());
  std::vector<extension> parts{extensions};
  auto make_catalog = [parts] {
    catalog out;
    for (auto& x : parts)
      if (x.types != nullptr)
        x.types(out);
    return out;
  };
  make_catalog().register_messages(json::types());
  auto version = about.version.empty() ? std::string{build::version} : about.version;
  cli::cli_environment env;
  env.program = about.name;
  env.version = version;
  env.commit = build::commit;
  env.caf = caf_version();
  env.development_config = about.development_config;
  env.node_main = [=](const std::vector<std::string>& args) {
    return node_main({version, std::string{build::commit}, make_catalog, about.tree}, args);
  };
  env.check_type = [make_catalog](std::string_view type, std::string_view args) -> result<void> {
    auto value = json::parse(args);
    if (!value)
      return value.error();
    auto made = make_catalog().make(type, *value);
    return made ? result<void>{} : result<void>{made.error()};
  };
  env.check_setting = [make_catalog](std::string_view key, std::string_view text) -> result<void> {
    auto value = json::parse(text);
    return value ? make_catalog().check_setting(key, *value) : result<void>{value.error()};
  };
  env.check_message = [](std::string_view type) -> result<void> {
    auto known = json::types().require(type);
    return known ? result<void>{} : result<void>{known.error()};
  };
  env.schema_fingerprint = [] { return json::types().fingerprint(); };
  env.schema_table = [] { return json::serialize_pretty(json::to_json(json::types().table())); };
  env.schema_diff = compare_tables;
  env.schema_write = [](const std::string& folder) { return write_contracts(folder); };
  env.try_first = about.try_first;
  return cli::run_cli(env, argc, argv);
}

} // namespace coppice
