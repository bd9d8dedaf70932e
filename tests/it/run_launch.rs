//! The launcher itself: what a container has, hasn't, and can't do, as root and as an ordinary user.

use crate::support::launch::{one_id, order, root, run};

#[test]
fn a_program_runs_as_root_and_as_an_ordinary_user() {
    let Some(root) = root() else { return };
    let order = order(root.path(), &["sh", "-c", "echo $GREETING; id -u; id -g; hostname; exit 7"]);
    let outcome = run(&order).expect(7);
    assert_eq!(outcome.out, "hello\n1000\n1000\ninside\n", "{outcome:?}");
    let mut order = order;
    order.ids = one_id(1000);
    let outcome = run(&order).expect(7);
    assert_eq!(outcome.out, "hello\n1000\n1000\ninside\n", "{outcome:?}");
}
