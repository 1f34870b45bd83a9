# Language, warnings, sanitizers, linker: what every target of ours shares.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# Assertions are COPPICE_ASSERT and stay on; NDEBUG is for libraries.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG -g1")
# What Catch2 and rapidcheck make of a test takes the optimiser a quarter of the time of compiling it.
set(COPPICE_TEST_OPTIONS -O1)
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1 -fno-omit-frame-pointer")

set(COPPICE_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined or thread")
option(COPPICE_WERROR "Warnings in our own code are errors" ON)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
endif()
find_program(LLD ld.lld)
if(LLD)
  add_link_options(-fuse-ld=lld)
endif()
if(COPPICE_SANITIZE)
  add_compile_options(-fsanitize=${COPPICE_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${COPPICE_SANITIZE})
endif()

add_library(coppice_settings INTERFACE)
target_include_directories(coppice_settings INTERFACE
  $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}> $<INSTALL_INTERFACE:include/coppice>)
target_compile_features(coppice_settings INTERFACE cxx_std_20)
add_library(coppice_warnings INTERFACE)
target_compile_options(coppice_warnings INTERFACE -Wall -Wextra -Wpedantic -Wnon-virtual-dtor -Wno-missing-field-initializers
  $<$<BOOL:${COPPICE_WERROR}>:-Werror>
  # Stacks and assertions name files as the repository does.
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)

if(COPPICE_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # GCC 12 sees ghosts in <regex> and <functional> when they are instrumented.
  target_compile_options(coppice_warnings INTERFACE -Wno-maybe-uninitialized)
endif()

# The commit is looked up when configuring, so that a commit alone does not rebuild anything.
execute_process(COMMAND git -C ${CMAKE_SOURCE_DIR} rev-parse --short HEAD OUTPUT_VARIABLE COPPICE_COMMIT
  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
configure_file(${CMAKE_SOURCE_DIR}/cmake/build_info.hpp.in ${CMAKE_BINARY_DIR}/generated/runtime/program/build_info.hpp)
