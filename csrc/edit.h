/* edit.h - one edit of a log, of whatever kind. */
#ifndef MP_EDIT_H
#define MP_EDIT_H

#include "commit.h"

enum mp_edit_kind {
    MP_FUNCTION_EDIT,
    MP_CONSTANT_EDIT,
    MP_DICT_EDIT,
    MP_LIST_EDIT,
    MP_SET_EDIT,
    MP_TYPE_EDIT
};

struct mp_edit {
    enum mp_edit_kind kind;
    union {
        mp_function_edit function;
        mp_constant_edit constant;
        mp_dict_edit dict;
        mp_list_edit list;
        mp_set_edit set;
        mp_type_edit type;
    } of;
};

/* The edits in the order in which they are made; an undo goes backwards, so that two edits of one object
 * come out as they went in. Borrowed from the log. */
static inline mp_edit *
mp_edit_at(mp_log *log, Py_ssize_t i)
{
    return &log->edits[log->applied ? log->used - 1 - i : i];
}

#endif /* MP_EDIT_H */
