// `tine ps`.
#pragma once

namespace tine::cli {

enum class ListStyle : unsigned char { table, names, json };

/// Prints the boxes of all families; the exit status. A family that goes away meanwhile is left
/// out.
int list_boxes(ListStyle style);

} // namespace tine::cli
