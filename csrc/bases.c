/* bases.c - see bases.h. */
#include "bases.h"

#include "hidden.h"
#include "layout.h"

int
mp_bases_visit(PyTypeObject *type, mp_bases_visitor visit, void *context)
{
    int ret = visit(type, context);
    /* Owned. */
    PyObject *subclasses = NULL;

    if (ret <= 0 || !mp_type_may_have_subclasses(type)) {
        goto done;
    }
    ret = MP_ERROR;
    subclasses = PyObject_CallMethod((PyObject *)&PyType_Type, "__subclasses__", "O", type);
    if (subclasses == NULL) {
        goto done;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(subclasses); i++) {
        if (mp_bases_visit((PyTypeObject *)PyList_GET_ITEM(subclasses, i), visit, context) < 0) {
            goto done;
        }
    }
    ret = MP_OK;
done:
    Py_XDECREF(subclasses);
    return ret < 0 ? MP_ERROR : MP_OK;
}

/* ---- other bases ------------------------------------------------------------------------- */

/* True if none of the functions of a suite is set, or there is no suite. */
static int
is_blank(const void *suite_b, size_t size)
{
    static const PyNumberMethods blank = {0}; /* none is larger */

    return suite_b == NULL || memcmp(suite_b, &blank, size) == 0;
}

/* True if instances of a class know no operator: neither arithmetic nor len(), [], await or buffers. */
static int
has_no_operators(PyTypeObject *type_b)
{
    return is_blank(type_b->tp_as_number, sizeof(PyNumberMethods)) &&
           is_blank(type_b->tp_as_sequence, sizeof(PySequenceMethods)) &&
           is_blank(type_b->tp_as_mapping, sizeof(PyMappingMethods)) &&
           is_blank(type_b->tp_as_async, sizeof(PyAsyncMethods)) &&
           is_blank(type_b->tp_as_buffer, sizeof(PyBufferProcs));
}

/* True if a class has no operators and would get none from these bases. */
static int
needs_no_operators(PyTypeObject *type_b, PyObject *bases_b)
{
    int needs = !has_no_operators(type_b);

    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases_b) && !needs; i++) {
        needs = !has_no_operators((PyTypeObject *)PyTuple_GET_ITEM(bases_b, i));
    }
    return !needs;
}

/* Call the setter of `__bases__`. CPython looks for the function of every slot in every class of the
 * MRO, which is nearly all that it does here (update_all_slots, Objects/typeobject.c), but leaves out
 * those of suites that the class does not have (slotptr). A class whose suites are empty, and stay so,
 * does as well without them. That takes the GIL: other threads would read these pointers meanwhile, some
 * of them twice. */
static int
call_setter(descrsetfunc set, PyObject *descriptor_b, PyTypeObject *type, PyObject *bases)
{
    int ret = MP_OK, hides = !MP_FREE_THREADED && needs_no_operators(type, bases);
    Py_ssize_t size = PyDict_GET_SIZE(type->tp_dict);
    /* Borrowed: they are parts of the class. */
    PyNumberMethods *number_b = type->tp_as_number;
    PySequenceMethods *sequence_b = type->tp_as_sequence;
    PyMappingMethods *mapping_b = type->tp_as_mapping;
    PyAsyncMethods *async_b = type->tp_as_async;
    PyBufferProcs *buffer_b = type->tp_as_buffer;

    if (hides) {
        type->tp_as_number = NULL;
        type->tp_as_sequence = NULL;
        type->tp_as_mapping = NULL;
        type->tp_as_async = NULL;
        type->tp_as_buffer = NULL;
    }
    ret = set(descriptor_b, (PyObject *)type, bases);
    if (hides) {
        type->tp_as_number = number_b;
        type->tp_as_sequence = sequence_b;
        type->tp_as_mapping = mapping_b;
        type->tp_as_async = async_b;
        type->tp_as_buffer = buffer_b;
    }
    /* An audit hook or an `mro` may have added to the class or its bases: once more, with all slots. */
    if (hides && ret == MP_OK &&
        (PyDict_GET_SIZE(type->tp_dict) != size || !needs_no_operators(type, bases)) &&
        set(descriptor_b, (PyObject *)type, bases) < 0) {
        PyErr_WriteUnraisable((PyObject *)type);
    }
    return ret;
}

/* Assign `__bases__` past CPython's check of the layout, which compares tp_base with the base that the
 * new bases lead to and refuses what would be sound (bpo-672115): so tp_base is that one already. All
 * else (the MRO of the class and of those derived from it, tp_subclasses, slots, version tags) is done
 * by CPython. */
int
mp_bases_set(PyTypeObject *type, PyObject *bases)
{
    int ret = MP_ERROR, has_side_slots = mp_hidden_is_below(type);
    /* Owned. */
    PyObject *name = PyUnicode_InternFromString("__bases__");
    PyTypeObject *before = type->tp_base;
    /* Borrowed. A metaclass may have a `__bases__` of its own, and this is the one of type. */
    PyTypeObject *best_b = NULL;
    PyObject *descriptor_b = name == NULL ? NULL : _PyType_Lookup(&PyType_Type, name);

    if (descriptor_b == NULL) {
        goto done;
    }
    /* Where the bases conflict by now, CPython says so. */
    best_b = mp_layout_best_base(bases);
    type->tp_base = (PyTypeObject *)Py_NewRef(best_b == NULL ? before : best_b);
    ret = call_setter(Py_TYPE(descriptor_b)->tp_descr_set, descriptor_b, type, bases);
    if (ret < 0) {
        Py_SETREF(type->tp_base, before);
        goto done;
    }
    Py_DECREF(before);
    if (has_side_slots && mp_hidden_ensure(type) < 0) {
        /* It derives from what it shall, and that counts: instances leak their added slots. */
        PyErr_WriteUnraisable((PyObject *)type);
    }
done:
    Py_XDECREF(name);
    return ret;
}

/* ---- graves ------------------------------------------------------------------------------ */

/* The grave for classes that store what `storage` does. Returns a new reference. */
static PyObject *
grave_for(PyTypeObject *storage, PyObject *grave, PyObject *graves)
{
    /* Owned. A class is a key by its address: its metaclass may hash it as it likes. */
    PyObject *key = PyLong_FromVoidPtr(storage), *found = NULL;

    if (key == NULL) {
        goto done;
    }
    found = Py_XNewRef(PyDict_GetItemWithError(graves, key));
    if (found == NULL && !PyErr_Occurred()) {
        found = PyObject_CallFunction((PyObject *)&PyType_Type, "s(OO){s()}",
                                      ((PyTypeObject *)grave)->tp_name, grave, storage, "__slots__");
        if (found != NULL && PyDict_SetItem(graves, key, found) < 0) {
            Py_CLEAR(found);
        }
    }
done:
    Py_XDECREF(key);
    return found;
}

int
mp_bases_bury(PyObject *type, PyObject *grave, PyObject *graves)
{
    int ret = MP_ERROR;
    /* Owned. */
    PyObject *bases = NULL, *own_grave = NULL;
    /* Borrowed. The metaclass is kept by the class. */
    PyTypeObject *metaclass_b = Py_TYPE(type), *storage_b = NULL;

    if (!PyType_Check(type) || !mp_layout_is_of_python((PyTypeObject *)type) || !PyType_Check(grave) ||
        !mp_layout_is_of_python((PyTypeObject *)grave)) {
        PyErr_SetString(PyExc_TypeError, "expected two classes that are written in Python");
        goto done;
    }
    storage_b = mp_layout_storage((PyTypeObject *)type);
    own_grave = storage_b == mp_layout_storage((PyTypeObject *)grave)
                    ? Py_NewRef(grave)
                    : grave_for(storage_b, grave, graves);
    bases = own_grave == NULL ? NULL : PyTuple_Pack(1, own_grave);
    if (bases == NULL) {
        goto done;
    }
    Py_SET_TYPE(type, &PyType_Type); /* or an `mro` of the metaclass would run */
    ret = mp_bases_set((PyTypeObject *)type, bases);
    Py_SET_TYPE(type, metaclass_b);
done:
    Py_XDECREF(bases);
    Py_XDECREF(own_grave);
    return ret;
}
