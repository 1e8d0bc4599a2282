#!/usr/bin/env bash
# Environments for peers whose requirements do not agree with ours, for `graphrec compare --python PACKAGE=PATH`:
#
#   benchmarks/peers.sh FOLDER [lenskit] [rectools] [recbole]
#
# makes FOLDER/lenskit, FOLDER/rectools and FOLDER/recbole (or those named) and prints the options to give. Each holds torch, so each
# takes some gigabytes. UV names the uv to use, PYTHON the Python (3.11: RecBole's old numpy and scipy have no newer wheels).
#
#   lenskit   EASE, SLIM, ItemKNN, ALS, BPR; LightGCN by torch-geometric. Needs pandas below 3.
#   rectools  EASE, PureSVD, SASRec. Needs numpy below 2, and so a pyarrow below 22.
#   recbole   LightGCN. Its last release, 1.2.1, is older than numpy 2, pandas 2.2, scipy 1.12 and setuptools 81, and breaks on each.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,13p' "$0"; exit 2; }
folder=$1; shift
here=$(cd "$(dirname "$0")/.." && pwd)
uv=${UV:-$here/.venv/bin/uv}
wanted=${*:-lenskit rectools recbole}

make_environment() {
    local name=$1; shift
    "$uv" venv --quiet --allow-existing --python "${PYTHON:-3.11}" "$folder/$name"
    "$uv" pip install --quiet --python "$folder/$name/bin/python" "$@"
    echo "--python $name=$folder/$name/bin/python"
}

for one in $wanted; do
    case $one in
        lenskit) make_environment lenskit 'lenskit>=2025.8' 'pandas<3' torch_geometric ;;
        rectools) make_environment rectools 'rectools[torch]==0.19.0' 'numpy<2' 'pyarrow<22' ;;
        recbole) make_environment recbole 'recbole==1.2.1' 'numpy<2' 'pandas<2.2' 'scipy<1.12' 'setuptools<81' ;;
        *) echo "no peer $one; known: lenskit rectools recbole"; exit 2 ;;
    esac
done
