/* fields.h - a replacement in what an object has besides its items: fields, attributes, its class. */
#ifndef MP_FIELDS_H
#define MP_FIELDS_H

#include "replacement.h"

/* Give an instance of a donor the target as its class, by CPython's own rules; nothing for any other object.
 * Runs audit hooks. */
void mp_replace_class(const mp_replacement *all, PyObject *instance_b);

/* Replace what an object holds in fields, as far as code in C cannot tell one from the other there, and in
 * the dictionary of an instance, whose keys run their Python. */
void mp_replace_in_fields(const mp_replacement *all, PyObject *holder_b);

#endif /* MP_FIELDS_H */
