# Headers that are parsed once a build, for the modules that say PRECOMPILED and for their tests: CAF's and Boost.JSON's take
# longer to read than most of our files to compile. One set for libraries and one for programs: the compiler takes them
# only with the flags that they were made with.
option(COPPICE_PRECOMPILE "Parse the headers that most files include once a build" ON)
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  set(COPPICE_PRECOMPILE OFF) # Clang takes them only with the very definitions of each target.
endif()

if(COPPICE_PRECOMPILE)
  file(WRITE ${CMAKE_BINARY_DIR}/generated/precompiled_libraries.cpp "")
  file(WRITE ${CMAKE_BINARY_DIR}/generated/precompiled_tests.cpp "int main() {}\n")
  add_library(precompiled_libraries STATIC EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/generated/precompiled_libraries.cpp)
  add_executable(precompiled_tests EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/generated/precompiled_tests.cpp)
  foreach(kind libraries tests)
    target_link_libraries(precompiled_${kind} PRIVATE coppice_settings coppice_warnings coppice_boost CAF::core Boost::json Threads::Threads)
    target_precompile_headers(precompiled_${kind} PRIVATE ${CMAKE_SOURCE_DIR}/cmake/precompiled_${kind}.hpp)
  endforeach()
  target_link_libraries(precompiled_tests PRIVATE Catch2::Catch2WithMain)
  target_compile_options(precompiled_tests PRIVATE ${COPPICE_TEST_OPTIONS})
endif()

# coppice_precompile(TARGET libraries|tests)
function(coppice_precompile target kind)
  if(NOT COPPICE_PRECOMPILE)
    return()
  endif()
  target_precompile_headers(${target} REUSE_FROM precompiled_${kind})
  # GCC 12 sees ghosts in the standard library when it comes from there; the preset dev has these warnings.
  target_compile_options(${target} PRIVATE -Wno-array-bounds -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread)
endfunction()

# Reading headers and making what their templates ask for takes most of a file's time, so several files are compiled as one.
# The preset dev compiles each by itself: it is where a missing include shows. Names in unnamed namespaces are unique in a module.
option(COPPICE_JOIN_SOURCES "Compile several files of a module as one" ON)

function(coppice_join_sources target)
  if(COPPICE_JOIN_SOURCES)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${COPPICE_JOINED_MAX})
  endif()
endfunction()
set(COPPICE_JOINED_MAX 6 CACHE STRING "Files that are compiled as one, at most; 0: all of a module")
