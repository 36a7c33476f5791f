# tine as a library: include/tine, the layers as static archives, and how other builds find them:
#   find_package(tine REQUIRED)  target_link_libraries(program PRIVATE tine::tine)
#   c++ $(pkg-config --cflags tine) program.cc $(pkg-config --libs tine)
include(CMakePackageConfigHelpers)

add_library(libtine INTERFACE)
set_target_properties(libtine PROPERTIES EXPORT_NAME tine)
target_compile_features(libtine INTERFACE cxx_std_20)
target_include_directories(libtine INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
                                             $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(libtine INTERFACE tine_box)
add_library(tine::tine ALIAS libtine)

# For C and other languages: the functions of tine/tine.h, and nothing else of what is inside.
# It consists of the archives; a target must have a source.
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/tine_shared.cc CONTENT "// See cmake/library.cmake.\n")
add_library(tine_shared SHARED ${CMAKE_BINARY_DIR}/tine_shared.cc)
set_target_properties(tine_shared PROPERTIES OUTPUT_NAME tine SOVERSION 0 EXPORT_NAME tine_shared
                      LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
target_link_libraries(tine_shared PRIVATE tine_box)
target_link_options(tine_shared PRIVATE -Wl,-u,tine_box_start)
install(TARGETS tine_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})

# From the top down: the order in which a linker must see them.
set(tine_layers box syscall process net fs time sched cpu memory base)
list(TRANSFORM tine_layers PREPEND tine_ OUTPUT_VARIABLE tine_archives)
install(TARGETS libtine tine_options ${tine_archives} EXPORT tineTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
set(tine_package ${CMAKE_INSTALL_LIBDIR}/cmake/tine)
install(EXPORT tineTargets NAMESPACE tine:: DESTINATION ${tine_package})
file(WRITE ${CMAKE_BINARY_DIR}/tineConfig.cmake "include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(fmt)
include(\${CMAKE_CURRENT_LIST_DIR}/tineTargets.cmake)
")
write_basic_package_version_file(${CMAKE_BINARY_DIR}/tineConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/tineConfig.cmake ${CMAKE_BINARY_DIR}/tineConfigVersion.cmake
        DESTINATION ${tine_package})

# Relative to the file itself: the prefix is chosen when it is installed (--prefix), not here.
file(RELATIVE_PATH tine_prefix_from_package /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
list(TRANSFORM tine_archives PREPEND -l OUTPUT_VARIABLE tine_link_options)
list(JOIN tine_link_options " " tine_link_options)
file(WRITE ${CMAKE_BINARY_DIR}/tine.pc "prefix=\${pcfiledir}/${tine_prefix_from_package}
Name: tine
Description: Runs Linux programs in a box, and forks the box while it runs
Version: ${PROJECT_VERSION}
Cflags: -I\${prefix}/${CMAKE_INSTALL_INCLUDEDIR} -std=c++20
Libs: -L\${prefix}/${CMAKE_INSTALL_LIBDIR} ${tine_link_options} -lZydis -lzstd -lfmt -pthread
")
install(FILES ${CMAKE_BINARY_DIR}/tine.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
