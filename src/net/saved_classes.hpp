// A saved box: the classes of this layer whose objects its file has.
#pragma once

#include "base/archive.hpp"

namespace tine::net {

void add_saved_classes(ArchiveClasses &classes);

} // namespace tine::net
