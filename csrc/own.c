/* own.c - see own.h. */
#include "own.h"

PyObject *
mp_own_member(PyObject *type, PyObject *name)
{
    PyObject *own = NULL;
    const char *sought = PyUnicode_AsUTF8(name);

    if (sought == NULL) {
        goto done;
    }
    if (!PyType_Check(type) || !PyType_HasFeature((PyTypeObject *)type, Py_TPFLAGS_HEAPTYPE)) {
        PyErr_SetString(PyExc_TypeError, "expected a class that is written in Python");
        goto done;
    }
    /* The definitions lie in the class itself (type_new_slots, Objects/typeobject.c), so that a descriptor
     * of this class, which keeps it alive, may refer to them. */
    for (PyMemberDef *member_b = ((PyTypeObject *)type)->tp_members;
         member_b != NULL && member_b->name != NULL; member_b++) {
        if (strcmp(member_b->name, sought) == 0) {
            own = PyDescr_NewMember((PyTypeObject *)type, member_b);
            goto done;
        }
    }
    own = Py_NewRef(Py_None);
done:
    return own;
}

PyObject *
mp_own_getset(PyObject *type, PyObject *descriptor)
{
    PyObject *own = NULL;

    /* The definitions of these two are static. Those of the members of a class lie in the class and go
     * with it. */
    if (!PyType_Check(type) || !Py_IS_TYPE(descriptor, &PyGetSetDescr_Type) ||
        (PyUnicode_CompareWithASCIIString(((PyDescrObject *)descriptor)->d_name, "__dict__") != 0 &&
         PyUnicode_CompareWithASCIIString(((PyDescrObject *)descriptor)->d_name, "__weakref__") != 0)) {
        PyErr_SetString(PyExc_TypeError, "expected a class, and a __dict__ or __weakref__ descriptor");
        goto done;
    }
    own = PyDescr_NewGetSet((PyTypeObject *)type, ((PyGetSetDescrObject *)descriptor)->d_getset);
done:
    return own;
}
