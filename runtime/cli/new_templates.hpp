#pragma once

/// The texts of new_files.cpp. @APP@, @NAME@, @BLOCK@ and @MAIN@ are filled in.
namespace coppice::cli::templates {

extern const char* const app_cmake;
extern const char* const app_main;
extern const char* const app_config;
extern const char* const app_readme;
extern const char* const actor_header;
extern const char* const actor_source;
extern const char* const actor_test;
extern const char* const message_header;
extern const char* const message_test;

} // namespace coppice::cli::templates
