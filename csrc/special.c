/* special.c - see special.h. */
#include "special.h"

#include "bases.h"

/* Names that the compiler, type and data classes give to most classes, and that belong to no slot: CPython
 * would look for one, in vain, and in all classes derived as well. */
static const char *const of_no_slot[] = {
    "__weakref__",    "__firstlineno__", "__static_attributes__", "__slots__",
    "__match_args__", "__orig_bases__",  "__dataclass_fields__",  "__dataclass_params__",
};

static int
is_of_no_slot(PyObject *name_b)
{
    int found = 0;

    for (size_t i = 0; i < Py_ARRAY_LENGTH(of_no_slot) && !found; i++) {
        found = PyUnicode_CompareWithASCIIString(name_b, of_no_slot[i]) == 0;
    }
    return found;
}

static int
is_special(PyObject *name_b)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(name_b);

    return length > 4 && PyUnicode_READ_CHAR(name_b, 0) == '_' &&
           PyUnicode_READ_CHAR(name_b, 1) == '_' && PyUnicode_READ_CHAR(name_b, length - 1) == '_' &&
           PyUnicode_READ_CHAR(name_b, length - 2) == '_';
}

static int
is_data_descriptor_of(PyTypeObject *metaclass_b, PyObject *name_b)
{
    PyObject *found_b = _PyType_Lookup(metaclass_b, name_b);

    return found_b != NULL && Py_TYPE(found_b)->tp_descr_set != NULL;
}

int
mp_special_note(PyObject *special_b, PyObject *left_b, PyObject *right_b, int changed)
{
    int ret = MP_ERROR;
    Py_ssize_t at = 0;
    /* Borrowed. */
    PyObject *name_b = NULL, *value_b = NULL, *other_b = NULL;

    while (PyDict_Next(left_b, &at, &name_b, &value_b)) {
        if (!PyUnicode_CheckExact(name_b) || !is_special(name_b)) {
            continue;
        }
        other_b = PyDict_GetItemWithError(right_b, name_b);
        /* What type itself has a data descriptor for (__doc__, __module__) belongs to no slot. */
        if (other_b != value_b && (other_b == NULL || changed) && !is_of_no_slot(name_b) &&
            !is_data_descriptor_of(&PyType_Type, name_b) &&
            PyList_Append(special_b, name_b) < 0) {
            goto done;
        }
    }
    ret = MP_OK;
done:
    return ret;
}

/* As setting or deleting the attribute does it (type_setattro, Objects/typeobject.c). A data descriptor of
 * the metaclass would run instead; so the class is of `type` meanwhile. What is to be deleted must be there,
 * and so the class has what it had (`found_b`) once more: without the GIL others may look. */
void
mp_special_renew(PyTypeObject *type, PyObject *name_b, PyObject *found_b)
{
    int ret = MP_OK, is_intercepted = is_data_descriptor_of(Py_TYPE(type), name_b);
    /* Owned. */
    PyObject *value = Py_XNewRef(PyDict_GetItemWithError(type->tp_dict, name_b));
    /* Borrowed: the class keeps it. */
    PyTypeObject *metaclass_b = Py_TYPE(type);

    if (is_intercepted) {
        Py_SET_TYPE(type, &PyType_Type);
    }
    if (value == NULL) {
        PyObject *had_b = PyDict_GetItemWithError(found_b, name_b);
        ret = PyDict_SetItem(type->tp_dict, name_b, had_b == NULL ? Py_None : had_b);
    }
    if (ret == MP_OK) {
        ret = PyType_Type.tp_setattro((PyObject *)type, name_b, value);
    }
    if (is_intercepted) {
        Py_SET_TYPE(type, metaclass_b);
    }
    if (ret < 0) { /* for want of memory: the attribute itself is right */
        PyErr_WriteUnraisable((PyObject *)type);
    }
    Py_XDECREF(value);
}

/* True if a class finds the `__new__` of one in C. */
static int
has_new_of_c(PyTypeObject *type)
{
    int ret = 0;
    /* Owned. */
    PyObject *name = PyUnicode_InternFromString("__new__");
    /* Borrowed. All that stand for a tp_new share one C function (tp_new_wrapper). */
    PyObject *found_b = name == NULL ? NULL : _PyType_Lookup(type, name);
    PyObject *object_new_b = name == NULL ? NULL : _PyType_Lookup(&PyBaseObject_Type, name);

    if (name == NULL) {
        PyErr_WriteUnraisable((PyObject *)type);
        goto done;
    }
    ret = found_b != NULL && PyCFunction_Check(found_b) &&
          PyCFunction_GET_FUNCTION(found_b) == PyCFunction_GET_FUNCTION(object_new_b);
done:
    Py_XDECREF(name);
    return ret;
}

/* Where `__new__` is one of C again, it leaves tp_new as it was for one of Python, and from then on
 * object.__new__ refuses the arguments of `__init__` (update_one_slot and object_new,
 * Objects/typeobject.c). And it takes away HAVE_VECTORCALL for a `__call__`, for good. Returns whether
 * anything was out of date. */
static int
inherit(PyTypeObject *type, void *Py_UNUSED(context))
{
    int changed = 0;
    /* Borrowed. */
    PyTypeObject *base_b = type->tp_base;

    if (type->tp_new != base_b->tp_new && has_new_of_c(type)) {
        type->tp_new = base_b->tp_new;
        changed = 1;
    }
    if (MP_TYPE_INHERITS_VECTORCALL && type->tp_call == base_b->tp_call &&
        PyType_HasFeature(base_b, Py_TPFLAGS_HAVE_VECTORCALL) &&
        !PyType_HasFeature(type, Py_TPFLAGS_HAVE_VECTORCALL)) {
        type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
        changed = 1;
    }
    return changed;
}

void
mp_special_inherit(PyTypeObject *type)
{
    if (mp_bases_visit(type, inherit, NULL) < 0) {
        PyErr_WriteUnraisable((PyObject *)type);
    }
}
