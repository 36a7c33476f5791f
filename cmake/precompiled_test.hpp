// The same for the unit tests.
#pragma once

#include "precompiled.hpp"

#include <gtest/gtest.h>
