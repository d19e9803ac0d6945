# What every target of the project is built with, and how a folder declares its library.

add_library(slipway_flags INTERFACE)
target_include_directories(slipway_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(slipway_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wold-style-cast -Wnon-virtual-dtor
  -Woverloaded-virtual -Wcast-qual -Wformat=2 $<$<BOOL:${SLIPWAY_WERROR}>:-Werror>)
target_compile_definitions(slipway_flags INTERFACE
  SLIPWAY_VERSION="${PROJECT_VERSION}" _GLIBCXX_ASSERTIONS
  # clang defines fewer C++20 coroutine macros for libstdc++ than Boost 1.81 looks for.
  BOOST_ASIO_HAS_CO_AWAIT BOOST_ASIO_HAS_STD_COROUTINE)
if(SLIPWAY_SANITIZE)
  target_compile_options(slipway_flags INTERFACE
    -fsanitize=${SLIPWAY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(slipway_flags INTERFACE -fsanitize=${SLIPWAY_SANITIZE})
  # The recycler of Asio hides a use after free of a coroutine frame from the sanitizer.
  target_compile_definitions(slipway_flags INTERFACE BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING)
else()
  target_compile_options(slipway_flags INTERFACE $<$<CONFIG:RelWithDebInfo>:-fstack-protector-strong>)
  target_compile_definitions(slipway_flags INTERFACE $<$<CONFIG:RelWithDebInfo>:_FORTIFY_SOURCE=2>)
  target_link_options(slipway_flags INTERFACE -Wl,-z,relro,-z,now)
endif()
if(SLIPWAY_COVERAGE)
  target_link_options(slipway_flags INTERFACE -fprofile-instr-generate)
endif()

# slipway_library(FOLDER SOURCES a.cpp ... LINK targets ...): the static library slipway_FOLDER.
function(slipway_library folder)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_library(slipway_${folder} STATIC ${arg_SOURCES})
  target_link_libraries(slipway_${folder} PUBLIC slipway_flags ${arg_LINK})
  # Only what is measured is compiled otherwise: all else comes out of ccache.
  foreach(source ${arg_SOURCES})
    file(RELATIVE_PATH path ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/${source})
    if(path IN_LIST SLIPWAY_COVERAGE)
      set_source_files_properties(${source} PROPERTIES
        COMPILE_OPTIONS "-fprofile-instr-generate;-fcoverage-mapping")
    endif()
  endforeach()
endfunction()

# slipway_test(FOLDER SOURCES a_test.cpp ... LINK targets ...): the Catch2 program FOLDER_test,
# one CTest test, labelled `unit`.
function(slipway_test folder)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${folder}_test ${arg_SOURCES})
  target_link_libraries(${folder}_test PRIVATE slipway_catch ${arg_LINK})
  target_compile_definitions(${folder}_test PRIVATE SLIPWAY_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  add_test(NAME unit.${folder} COMMAND ${folder}_test)
  set_tests_properties(unit.${folder} PROPERTIES LABELS unit TIMEOUT 600)
endfunction()

# slipway_fuzz(NAME SOURCE file.cpp LINK targets ...): with -DSLIPWAY_SANITIZE=...fuzzer... the
# libFuzzer program fuzz_NAME; always the program replay_NAME, which runs the kept corpus as one
# CTest test. The corpus lies in tests/fuzz/corpus/NAME.
function(slipway_fuzz name)
  cmake_parse_arguments(arg "" "SOURCE" "LINK" ${ARGN})
  add_executable(replay_${name} ${arg_SOURCE} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay.cpp)
  target_link_libraries(replay_${name} PRIVATE slipway_flags ${arg_LINK})
  add_test(NAME corpus.${name}
           COMMAND replay_${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
  set_tests_properties(corpus.${name} PROPERTIES LABELS unit TIMEOUT 300)
  if(SLIPWAY_FUZZ)
    add_executable(fuzz_${name} ${arg_SOURCE})
    target_compile_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    target_link_libraries(fuzz_${name} PRIVATE slipway_flags ${arg_LINK})
  endif()
endfunction()
