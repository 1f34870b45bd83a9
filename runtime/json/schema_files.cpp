#include "runtime/json/type_registry.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>

namespace coppice::json {

namespace {

namespace fs = std::filesystem;

/// Every file by its path inside the folder.
std::map<std::string, std::string> wanted_files(const type_registry& registry) {
  std::map<std::string, std::string> out;
  std::string ids;
  for (auto entry : registry.all()) {
    if (!entry->is_wire())
      continue;
    out["json/" + entry->name + ".json"] = serialize_pretty(entry->schema()) + "\n";
  }
  for (auto& type : registry.table().types)
    ids += std::to_string(type.id) + " " + type.name
           + (registry.is_internal(type.id) ? " internal\n" : "\n");
  out["type_ids.txt"] = ids;
  return out;
}

std::vector<fs::path> schema_files_in(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code problem;
  for (auto& file : fs::directory_iterator{folder / "json", problem})
    if (file.path().extension() == ".json")
      out.push_back(file.path());
  return out;
}

std::string content_of(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

/// Ids are the wire format, so every line says what became of it.
void compare_ids(const fs::path& file, const type_registry& registry,
                 std::vector<std::string>& out) {
  std::ifstream in{file};
  std::map<uint16_t, std::string> known;
  for (auto& type : registry.table().types)
    known.emplace(type.id, type.name);
  std::set<uint16_t> listed;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words{line};
    uint16_t id = 0;
    std::string name;
    if (!(words >> id >> name))
      continue;
    listed.insert(id);
    auto now = known.find(id);
    if (now == known.end() || now->second != name)
      out.push_back("type_ids.txt: id " + std::to_string(id) + " was " + name + " and is "
                    + (now != known.end() ? now->second : "gone")
                    + " now; ids are only appended, a removed type leaves a placeholder");
  }
  for (auto& [id, name] : known)
    if (!listed.contains(id))
      out.push_back("type_ids.txt lacks " + std::to_string(id) + " " + name);
}

} // namespace

result<void> write_schemas(const fs::path& folder, const type_registry& registry) {
  std::error_code problem;
  fs::create_directories(folder / "json", problem);
  if (problem)
    return error{
      errc::refused, "cannot be made: " + problem.message(), (folder / "json").string(), {}};
  auto wanted = wanted_files(registry);
  for (auto& file : schema_files_in(folder))
    if (!wanted.contains("json/" + file.filename().string()))
      fs::remove(file, problem);
  for (auto& [name, content] : wanted) {
    std::ofstream out{folder / name, std::ios::binary | std::ios::trunc};
    out << content;
    out.close();
    if (!out)
      return error{errc::refused,
                   "cannot be written: " + std::string{std::strerror(errno)},
                   (folder / name).string(),
                   {}};
  }
  return {};
}

std::vector<std::string> compare_schemas(const fs::path& folder, const type_registry& registry) {
  std::vector<std::string> out;
  auto wanted = wanted_files(registry);
  for (auto& [name, content] : wanted) {
    if (!fs::exists(folder / name))
      out.push_back(name + " is missing");
    else if (name == "type_ids.txt")
      compare_ids(folder / name, registry, out);
    else if (content_of(folder / name) != content)
      out.push_back(name + " is not what the types say");
  }
  for (auto& file : schema_files_in(folder))
    if (auto name = "json/" + file.filename().string(); !wanted.contains(name))
      out.push_back(name + " belongs to no type");
  return out;
}

} // namespace coppice::json
