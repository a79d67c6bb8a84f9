/* `trunkline completion`: what a shell needs to complete command lines. The scripts ask this binary for the words, so
 * that they know no verb and no option themselves. */
#include <stdio.h>

#include "verbs/completion_words.h"
#include "verbs/options.h"
#include "verbs/verbs.h"

static const char bash_script[] =
    "# Completion of trunkline for bash: source it, or keep it as\n"
    "# /usr/share/bash-completion/completions/trunkline. Made by `trunkline completion bash`.\n"
    "_trunkline() {\n"
    "    local line words=(\"${COMP_WORDS[@]:0:COMP_CWORD+1}\")\n"
    "    words=(\"${words[@]/#\\~\\//$HOME/}\")\n"
    "    COMPREPLY=()\n"
    "    while IFS= read -r line; do\n"
    "        if [ \"$line\" = \"" COMPLETION_FILES "\" ]; then\n"
    "            compopt -o default\n"
    "        else\n"
    "            COMPREPLY+=(\"${line%%$'\\t'*}\")\n"
    "        fi\n"
    "    done < <(\"${words[0]}\" completion words -- \"${words[@]:1}\" 2>/dev/null)\n"
    "}\n"
    "complete -F _trunkline trunkline\n";

static const char zsh_script[] =
    "#compdef trunkline\n"
    "# Completion of trunkline for zsh: keep it as _trunkline in a directory of $fpath, or source it behind compinit.\n"
    "# Made by `trunkline completion zsh`.\n"
    "_trunkline() {\n"
    "    local line\n"
    "    local -a asked told described\n"
    "    asked=(\"${(@Q)words[1,CURRENT]/#\\~\\//$HOME/}\")\n"
    "    told=(\"${(@f)$(\"${asked[1]}\" completion words -- \"${(@)asked[2,-1]}\" 2>/dev/null)}\")\n"
    "    for line in $told; do\n"
    "        if [[ $line == \"" COMPLETION_FILES "\" ]]; then\n"
    "            compset -P 1 '--[a-z-]##='\n"
    "            _files\n"
    "            return\n"
    "        elif [[ $line == *$'\\t'* ]]; then\n"
    "            described+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\")\n"
    "        else\n"
    "            described+=(\"${line//:/\\\\:}\")\n"
    "        fi\n"
    "    done\n"
    "    _describe trunkline described\n"
    "}\n"
    "if [ \"$funcstack[1]\" = _trunkline ]; then\n"
    "    _trunkline \"$@\"\n"
    "else\n"
    "    compdef _trunkline trunkline\n"
    "fi\n";

static const char fish_script[] =
    "# Completion of trunkline for fish: keep it as trunkline.fish in ~/.config/fish/completions.\n"
    "# Made by `trunkline completion fish`.\n"
    "function __trunkline_words\n"
    "    set -l words (string replace -r '^~/' \"$HOME/\" -- (commandline -opc) (commandline -ct))\n"
    "    for line in ($words[1] completion words -- $words[2..-1] 2>/dev/null)\n"
    "        if test \"$line\" = \"" COMPLETION_FILES "\"\n"
    "            set -l option (string replace -rf '^(--[a-z-]+=).*' '$1' -- (commandline -ct))\n"
    "            for path in (__fish_complete_path (string replace -r '^--[a-z-]+=' '' -- $words[-1]))\n"
    "                if string match -q '~*' -- (commandline -ct)\n"
    "                    set path (string replace -- $HOME '~' $path)\n"
    "                end\n"
    "                printf '%s\\n' \"$option\"$path\n"
    "            end\n"
    "        else\n"
    "            printf '%s\\n' $line\n"
    "        end\n"
    "    end\n"
    "end\n"
    "complete -c trunkline -f -a '(__trunkline_words)'\n";

static const struct {
    const char *shell;
    const char *script;
} scripts[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};

static const struct option table[] = {{NULL, 0, NULL, 0}}; /* it takes none */

static int
wrong(const char *text)
{
    fprintf(stderr, "trunkline completion: %s\n", text);
    return EXIT_USAGE;
}

static int
completion_run(int argc, char **argv)
{
    const char *script = NULL;

    if (argc > 2 && strcmp(argv[1], "words") == 0 && strcmp(argv[2], "--") == 0) {
        completion_words_print(stdout, argc - 3, argv + 3);
        return fflush(stdout) == 0 ? EXIT_OK : EXIT_FAULT;
    }
    for (size_t i = 0; argc > 1 && i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        script = strcmp(scripts[i].shell, argv[1]) == 0 ? scripts[i].script : script;
    }
    if (script == NULL) {
        return wrong("for which shell? bash, zsh or fish");
    }
    if (argc > 2) {
        return wrong("it takes the shell's name and nothing more");
    }
    if (fputs(script, stdout) == EOF || fflush(stdout) != 0) {
        fprintf(stderr, "trunkline completion: cannot write to standard output\n");
        return EXIT_FAULT;
    }
    return EXIT_OK;
}

const struct verb verb_completion = {
    .name = "completion",
    .summary = "prints what a shell needs to complete command lines",
    .usage = "usage: trunkline completion bash|zsh|fish\n"
             "       trunkline completion words -- [WORD...]\n\n"
             "  bash                  `source <(trunkline completion bash)`, or keep it as\n"
             "                        /usr/share/bash-completion/completions/trunkline\n"
             "  zsh                   keep it as _trunkline in a directory of $fpath\n"
             "  fish                  keep it as ~/.config/fish/completions/trunkline.fish\n"
             "  words                 what the shells ask: prints what the last WORD of a command line may become,\n"
             "                        with its meaning behind a tab. " COMPLETION_FILES " stands for names of files\n\n"
             "Verbs, their actions and options are completed, and values that are known: names of sources, accounts,\n"
             "topics and kinds out of the configuration that the command line names (--config), or its default.\n",
    .actions = (const struct verb_action[]){{"bash", table}, {"zsh", table}, {"fish", table}, {NULL, NULL}},
    .run = completion_run,
};
